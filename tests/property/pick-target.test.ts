import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesLabels, parseSelector, requirementsOf, selectorText } from "#domain/kubernetes/label-selector.ts";
import { pickOrder, type Balance, type TargetLoad } from "#domain/routing/pick-target.ts";

const loads = fc.array(
  fc.record({
    connections: fc.nat(50),
    lastChosen: fc.nat(50),
    passedOver: fc.boolean(),
    warm: fc.boolean(),
  }),
  { maxLength: 12 },
);
const balances = fc.constantFrom<Balance>("least_connections", "round_robin", "single");

describe("[kubernetes-balance] the choice between targets", () => {
  test("names each target once, and one that failed a moment ago only after all others", () => {
    fc.assert(
      fc.property(balances, loads, (balance, targets) => {
        const order = pickOrder(balance, targets);
        expect(order.toSorted((a, b) => a - b)).toEqual(targets.map((_, index) => index));
        const failed = order.map((index) => targets[index]?.passedOver === true);
        expect(failed).toEqual(failed.toSorted((a, b) => Number(a) - Number(b)));
      }),
    );
  });

  test("least_connections takes none that has more than another equal one; over time all get their share", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Balance>("least_connections", "round_robin"),
        fc.integer({ min: 1, max: 8 }),
        (balance, count) => {
          const targets = Array.from(
            { length: count },
            (): TargetLoad & { connections: number; lastChosen: number } => ({
              connections: 0,
              lastChosen: 0,
              passedOver: false,
              warm: true,
            }),
          );
          for (let turn = 1; turn <= count * 5; turn++) {
            const chosen = targets[pickOrder(balance, targets)[0] ?? 0];
            if (chosen) Object.assign(chosen, { lastChosen: turn, connections: chosen.connections + 1 });
          }
          expect(targets.map(({ connections }) => connections)).toEqual(targets.map(() => 5));
        },
      ),
    );
  });

  test("single stays with the one that it has", () => {
    fc.assert(
      fc.property(loads, (targets) => {
        const [first] = pickOrder("single", targets);
        if (first === undefined) return;
        const used = targets.map((target, index) =>
          index === first ? { ...target, lastChosen: 99 } : { ...target, lastChosen: 0 },
        );
        expect(pickOrder("single", used)[0]).toBe(first);
      }),
    );
  });
});

describe("[kubernetes-selector] label selectors", () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
  const selector = fc.record({
    matchLabels: fc.dictionary(name, name, { maxKeys: 3 }),
    matchExpressions: fc.array(
      fc.record({
        key: name,
        operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist"),
        values: fc.array(name, { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 3 },
    ),
  });

  test("what is written is read as the same", () => {
    fc.assert(
      fc.property(selector, fc.dictionary(name, name, { maxKeys: 4 }), (wanted, labels) => {
        const requirements = requirementsOf(wanted);
        fc.pre(requirements.length > 0);
        const read = parseSelector(selectorText(requirements)) ?? [];
        expect(read).toHaveLength(requirements.length);
        expect(matchesLabels(read, labels)).toBe(matchesLabels(requirements, labels));
      }),
    );
  });

  test("no text takes long or throws", () => {
    fc.assert(fc.property(fc.string({ maxLength: 5000 }), (text) => void parseSelector(text)));
    for (const text of [
      "a".repeat(4000),
      `${"a,".repeat(2000)}(`,
      `a in (${"b,".repeat(2000)}`,
      `${"(".repeat(2000)},`,
    ]) {
      const startedMs = performance.now();
      parseSelector(text);
      expect(performance.now() - startedMs).toBeLessThan(500);
    }
  });
});
