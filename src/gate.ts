/** Lets at most `width` jobs run at a time, in order of arrival. */
export type Gate = <Result>(job: () => Promise<Result>) => Promise<Result>;

export function createGate(width: number): Gate {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running === width) await new Promise<void>((enter) => waiting.push(enter));
    else running++;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      if (next !== undefined) next();
      else running--;
    }
  };
}
