/** What is there, or will be. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there, and then what goes wrong is thrown at once too. */
export function whenThere<T, U>(value: Soon<T>, to: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(to) : to(value);
}
