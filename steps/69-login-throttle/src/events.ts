import type { FastifyBaseLogger } from 'fastify';
import type { Comment } from './comments/schemas.ts';
import type { Subject } from './likes/schemas.ts';

/** What happens here, and what is said about it. */
export interface DomainEvents {
  'comment.created': Comment;
  'like.created': { userId: string; subject: Subject; ownerId: string };
  'counts.changed': Subject;
  'user.followed': { userId: string; toUserId: string };
}

/** Services raise events; other features listen, unknown to who raises them. */
export class EventBus {
  readonly #listeners = new Map<string, ((event: never) => Promise<void>)[]>();
  readonly #log: FastifyBaseLogger;

  constructor(log: FastifyBaseLogger) {
    this.#log = log;
  }

  on<N extends keyof DomainEvents>(name: N, listener: (event: DomainEvents[N]) => Promise<void>) {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  /** Raises an event, after the commit, and waits for its listeners. One that fails is logged. */
  async emit<N extends keyof DomainEvents>(name: N, event: DomainEvents[N]): Promise<void> {
    const fail = (err: unknown) => this.#log.error({ err, event: name }, 'A listener failed');
    for (const listener of this.#listeners.get(name) ?? [])
      await (async () => listener(event as never))().catch(fail);
  }
}
