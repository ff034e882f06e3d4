/** Hands every event on, one after the other, and gives what the generator returns. */
export async function drain<Event, End>(
  events: AsyncGenerator<Event, End>,
  take: (event: Event) => Promise<void>,
): Promise<End> {
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
    await take(next.value);
  }
}
