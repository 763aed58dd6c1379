// Makes LazyRequest a Request for the rest of the thread: `instanceof`, every method that a native one has, and
// `new Request(request)` and `fetch(request)`, which look into their argument where no object of ours can follow.
import { LazyRequest } from './request.js';

let opened = false;

/**
 * Lets the thread's `Request` and `fetch` take our requests. Before the application is imported: its modules may keep
 * them, or extend Request. Neither is loaded by this (Node loads both when they are first used).
 */
export function openGlobals(): void {
  if (opened) return;
  opened = true;
  wrapGlobal('Request', {
    construct: (target, [input, ...rest], newTarget) =>
      Reflect.construct(target, [LazyRequest.unwrap(input), ...rest], newTarget),
  });
  wrapGlobal('fetch', {
    apply: (target, self, [input, ...rest]) => Reflect.apply(target, self, [LazyRequest.unwrap(input), ...rest]),
  });
}

// biome-ignore lint/complexity/noBannedTypes: what a proxy handler is given.
function wrapGlobal(name: 'Request' | 'fetch', handler: ProxyHandler<Function>): void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  if (before === undefined) return;
  const { enumerable = false } = before;
  const define = (value: unknown) => {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable });
  };
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable,
    get() {
      const wrapped = new Proxy(before.get === undefined ? before.value : before.get.call(globalThis), handler);
      // Node's own getter has put the native one in our place.
      define(wrapped);
      return wrapped;
    },
    set: define,
  });
}

/** Puts LazyRequest below Request, with what a native one can do and ours leaves to it. */
export function becomeRequest(): void {
  const { prototype } = LazyRequest;
  if (prototype instanceof Request) return;
  for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(Request.prototype))) {
    if (Object.hasOwn(prototype, name) && name !== 'constructor') continue;
    Object.defineProperty(prototype, name, { configurable: true, enumerable: false, ...delegate(name, get, value) });
  }
  Object.setPrototypeOf(prototype, Request.prototype);
}

function delegate(name: string, get: unknown, value: unknown): PropertyDescriptor {
  if (name === 'constructor') return { value: Request, writable: true };
  if (get !== undefined) {
    return {
      get(this: LazyRequest): unknown {
        return Reflect.get(LazyRequest.unwrap(this) as Request, name);
      },
    };
  }
  if (typeof value !== 'function') return { value };
  return {
    writable: true,
    value(this: LazyRequest, ...args: unknown[]): unknown {
      return Reflect.apply(value, LazyRequest.unwrap(this), args);
    },
  };
}
