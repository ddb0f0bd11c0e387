/** Listens to events of this process (signals, crashes) until disposed. */
export function onProcess(names: readonly string[], run: (reason: unknown) => void): Disposable {
  for (const name of names) process.on(name, run);
  return {
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, run);
    },
  };
}
