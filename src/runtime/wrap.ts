// How a built-in is replaced so that nobody notices.

// biome-ignore lint/suspicious/noExplicitAny: built-ins of every signature are wrapped.
export type Callable = (this: any, ...args: any[]) => any

/**
 * Puts `make(original)` in the place of a method, with its name, length and flags. Does nothing
 * where there is no such method, or where it may not be replaced (`--frozen-intrinsics`).
 *
 * @returns whether it was replaced
 */
export function replace(
  owner: object | undefined,
  key: PropertyKey,
  make: (original: Callable) => Callable,
): boolean {
  const property = owner && Object.getOwnPropertyDescriptor(owner, key)
  const original: unknown = property?.value
  if (typeof original !== 'function') return false
  const { writable, enumerable, configurable } = property as PropertyDescriptor
  if (writable !== true && configurable !== true) return false
  const value = disguised(make(original as Callable), original as Callable)
  const flags = { writable: writable === true, enumerable: enumerable === true }
  return Reflect.defineProperty(owner as object, key, {
    value,
    ...flags,
    configurable: configurable === true,
  })
}

/** Gives a function the name, the length and all other own properties of the one that it wraps. */
function disguised(wrapper: Callable, original: Callable): Callable {
  // A proxy, or a wrapper that is used twice.
  if (wrapper === original) return wrapper
  for (const key of Reflect.ownKeys(original)) {
    const property = Object.getOwnPropertyDescriptor(original, key) as PropertyDescriptor
    Reflect.defineProperty(wrapper, key, property)
  }
  return wrapper
}

/** Arguments as native code may see them. */
export type Stabilize = (args: unknown[]) => unknown[]

/**
 * For built-ins whose own work takes much longer than a proxy's trap. A proxy is what it stands for
 * in every way but identity: typeof, name, length, static members, `prototype`, instanceof,
 * subclasses, and `Function.prototype.toString` says native code.
 */
export function intercepted(original: Callable, stabilize: Stabilize): Callable {
  return new Proxy(original, {
    apply: (target, self, args) => Reflect.apply(target, self, stabilize(args)),
    construct: (target, args, newTarget) => Reflect.construct(target, stabilize(args), newTarget),
  })
}

/** The same built-in, after which something is done with what it returned. */
export function followed(
  original: Callable,
  after: (result: unknown, self: unknown) => void,
): Callable {
  return new Proxy(original, {
    apply(target, self, args) {
      const result: unknown = Reflect.apply(target, self, args)
      after(result, self)
      return result
    },
  })
}

/** Intercepts a class that `owner` exports, and says so in its prototype's `constructor`. */
export function replaceClass(
  owner: object | undefined,
  key: PropertyKey,
  stabilize: Stabilize,
): void {
  replace(owner, key, (original) => {
    const wrapper = intercepted(original, stabilize)
    const { prototype } = original
    if (prototype?.constructor === original) replace(prototype, 'constructor', () => wrapper)
    return wrapper
  })
}

/**
 * Intercepts the class that `subclass` extends. `super(…)` looks its target up in each call, so this
 * reaches everybody who has the subclass already.
 */
export function interceptSuper(subclass: unknown, stabilize: Stabilize): void {
  if (typeof subclass !== 'function' || !Object.isExtensible(subclass)) return
  const base: unknown = Object.getPrototypeOf(subclass)
  if (typeof base !== 'function' || base === Function.prototype) return
  Reflect.setPrototypeOf(subclass, intercepted(base as Callable, stabilize))
}
