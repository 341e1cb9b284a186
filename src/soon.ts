/** What is there, or will be. */
export type Soon<T> = T | Promise<T>;

/** Goes on with a value: at once where it is there, since a way through promises costs an empty pull a thirtieth. */
export function whenThere<T, U>(value: Soon<T>, to: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(to) : to(value);
}
