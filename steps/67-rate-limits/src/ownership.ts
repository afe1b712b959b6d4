/**
 * Lets only the owner of a thing pass; everybody else gets the feature's own 403. Owners never
 * change, so what is true here is still true when the thing is written.
 */
export function requireOwner(
  thing: { user: { id: string } },
  userId: string,
  NotYours: new () => Error,
): void {
  if (thing.user.id !== userId) throw new NotYours();
}
