// The tests run against a server that somebody else started: its address is WANGGE_URL.
const patienceMs = 60_000;

/** Waits until the server can serve every layer; fails with what to do when it does not. */
export default async function setup(): Promise<void> {
  const url = process.env.WANGGE_URL;
  if (!url) throw new Error('WANGGE_URL is not set: start `wangge serve --demo` and give its address');
  const end = Date.now() + patienceMs;
  for (;;) {
    const ready = await fetch(new URL('/readyz', url)).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    if (Date.now() > end) throw new Error(`${url} was not ready after ${patienceMs / 1000} s: is the server running?`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
