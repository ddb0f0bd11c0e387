import type { WatchedObject } from "./watched-object.ts";

/** Those objects of a shared watch that one subscriber asks for, kept in step with it. */
export class ObjectView<T extends WatchedObject> {
  readonly #matches: (object: T) => boolean;
  readonly #onChange: () => void;
  readonly #objects = new Map<string, T>();
  #items: readonly T[] | undefined = [];

  /** @param onChange called after each change of these objects, or of what is known about the watch */
  constructor(matches: (object: T) => boolean, onChange: () => void) {
    this.#matches = matches;
    this.#onChange = onChange;
  }

  get items(): readonly T[] {
    return (this.#items ??= [...this.#objects.values()]);
  }

  /** All objects are known anew. */
  reset(objects: Iterable<T>): void {
    this.#objects.clear();
    for (const object of objects) if (this.#matches(object)) this.#objects.set(object.metadata.name, object);
    this.#items = undefined;
  }

  /** One object is there, has changed, or is gone (`undefined`); others' business is nobody's here. */
  apply(name: string, object: T | undefined): void {
    const known = this.#objects.has(name);
    const wanted = object !== undefined && this.#matches(object);
    if (!known && !wanted) return;
    if (wanted) this.#objects.set(name, object);
    else this.#objects.delete(name);
    this.#items = undefined;
    this.tell();
  }

  tell(): void {
    this.#onChange();
  }
}
