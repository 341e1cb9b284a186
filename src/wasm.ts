/** Node has it; its types have it from version 24 on. */
declare const WebAssembly:
  | {
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (module: object) => { readonly exports: object };
      validate(bytes: Uint8Array): boolean;
    }
  | undefined;

/** An address that a module exports. */
export interface Address {
  readonly value: number;
}

/**
 * What a module of `wasm/` exports, in a new instance of it; undefined without WebAssembly (`--jitless`), without SIMD, and
 * with too little address space (`ulimit -v`): V8 of Node 20 asks for gigabytes of that, whatever the memory's size.
 */
export function instantiate<Exports extends object>(base64: string): Exports | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  const bytes = Buffer.from(base64, 'base64');
  if (!WebAssembly.validate(bytes)) return undefined;
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports;
  } catch {
    return undefined;
  }
}
