import { Component, type ComponentChildren } from 'preact';
import { Failure } from './controls';

/** Catches what a panel throws, so that the rest of the page goes on. */
export class Boundary extends Component<{ children: ComponentChildren }, { error: Error | null }> {
  override state = { error: null };

  static override getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <div class="card broken">
        <Failure error={error} retry={() => this.setState({ error: null })} />
      </div>
    );
  }
}
