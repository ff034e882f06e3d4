/** Keeps what a function gave for an argument: for references that every engine is held to, which need computing once only. */
export function memoize<K, V>(of: (argument: K) => V): (argument: K) => V {
  const kept = new Map<K, V>();
  return (argument) => {
    if (!kept.has(argument)) kept.set(argument, of(argument));
    return kept.get(argument) as V;
  };
}
