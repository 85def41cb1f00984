// Not more often than can be looked at.

/** Runs at the first call, then at most once in ms; a call in between is run when the time is over. */
export function pace(run: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let again = false;
  const start = () => {
    again = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (again) start();
    }, ms);
    run();
  };
  return () => {
    if (timer === undefined) start();
    else again = true;
  };
}

/** Runs in the next animation frame, once however often it is called before. */
export function onceAFrame(run: () => void): () => void {
  let pending = false;
  return () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      run();
    });
  };
}
