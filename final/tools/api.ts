import { setTimeout as sleep } from 'node:timers/promises';
import type { Static } from 'typebox';
import type { Account } from '../src/accounts/schemas.ts';
import type { CommentView, TweetView, TweetWithCommentsSchema } from '../src/engagement/schemas.ts';
import type { Subject } from '../src/likes/schemas.ts';
import type { Notification } from '../src/notifications/schemas.ts';
import { Refusal } from './refusal.ts';

/** The limits of the API are of seconds and minutes, but for passwords. */
const LONGEST_WAIT_S = 60;

/** A post as the API answers it. */
export type Tweet = TweetView;

/** Somebody who is logged in. */
export interface Person {
  id: string;
  username: string;
  token: string;
}

/** Some entries of an endless list, and where it goes on in both directions. */
export interface Page<T> {
  items: T[];
  nextCursor?: string;
  prevCursor?: string;
}

/** What may be asked of an endless list. */
export interface Paging {
  limit?: number;
  cursor?: string | undefined;
}

/** A file to upload. */
export interface File {
  name: string;
  type: string;
  bytes: Buffer;
}

interface ApiError {
  code?: string;
  message?: string;
}

interface Given {
  token?: string;
  body?: object | FormData;
}

/** The API answered with an error. */
export class ApiRefusal extends Refusal {
  readonly status: number;
  readonly code: string | undefined;

  constructor(request: string, status: number, { code, message }: ApiError) {
    super(`${request} was answered with ${status} ${code ?? ''} (${message ?? 'no message'}).`);
    this.status = status;
    this.code = code;
  }
}

/**
 * What the demo asks of the API, over HTTP. Every method throws an ApiRefusal for an error; what is
 * asked too often is asked again when the API says.
 */
export class Api {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Opens an account and logs in. */
  async signUp(username: string, password: string): Promise<Person> {
    const account = { username, password, email: `${username}@example.org` };
    await this.#send('POST', '/api/accounts/signup', { body: account });
    return this.logIn(username, password);
  }

  async logIn(username: string, password: string): Promise<Person> {
    const body = { username, password };
    const login = await this.#send<{ accessToken: string }>('POST', '/api/accounts/login', {
      body,
    });
    const token = login.accessToken;
    const { id } = await this.#send<Account>('GET', '/api/accounts/me', { token });
    return { id, username, token };
  }

  async follow({ token }: Person, { id }: Person): Promise<void> {
    await this.#send('POST', `/api/friendships/${id}/follow`, { token });
  }

  async post({ token }: Person, content: string, photos: File[] = []): Promise<Tweet> {
    const body = photos.length > 0 ? formOf({ content }, 'photos', photos) : { content };
    return this.#send('POST', '/api/tweets', { token, body });
  }

  /** A post with its first comments. */
  async tweet({ token }: Person, id: string): Promise<Static<typeof TweetWithCommentsSchema>> {
    return this.#send('GET', `/api/tweets/${id}`, { token });
  }

  /** A page of somebody's feed: without a cursor the newest posts. */
  async feed({ token }: Person, paging: Paging = {}): Promise<Page<Tweet>> {
    return this.#send('GET', `/api/newsfeeds${queryOf({ ...paging })}`, { token });
  }

  async comment({ token }: Person, tweetId: string, content: string): Promise<CommentView> {
    return this.#send('POST', '/api/comments', { token, body: { tweetId, content } });
  }

  async like({ token }: Person, subject: Subject): Promise<void> {
    await this.#send('POST', '/api/likes', { token, body: subject });
  }

  async unlike({ token }: Person, subject: Subject): Promise<void> {
    await this.#send('POST', '/api/likes/cancel', { token, body: subject });
  }

  /** The newest unread notifications. */
  async unread({ token }: Person, limit: number): Promise<Notification[]> {
    const query = queryOf({ unread: true, limit });
    const inbox = await this.#send<Page<Notification>>('GET', `/api/notifications${query}`, {
      token,
    });
    return inbox.items;
  }

  async unreadCount({ token }: Person): Promise<number> {
    const path = '/api/notifications/unread-count';
    return (await this.#send<{ count: number }>('GET', path, { token })).count;
  }

  async markAsRead({ token }: Person, id: string): Promise<void> {
    await this.#send('PATCH', `/api/notifications/${id}`, { token, body: { unread: false } });
  }

  async markAllAsRead({ token }: Person): Promise<void> {
    await this.#send('POST', '/api/notifications/mark-all-as-read', { token });
  }

  async changeAvatar({ token }: Person, image: File): Promise<Account> {
    const body = formOf({}, 'file', [image]);
    return this.#send('PUT', '/api/profiles/me/avatar', { token, body });
  }

  /** The bytes of an image, as anybody may fetch them. */
  async image(path: string): Promise<Buffer> {
    const response = await this.#fetch('GET', path, {});
    if (!response.ok) throw new ApiRefusal(`GET ${path}`, response.status, {});
    return Buffer.from(await response.arrayBuffer());
  }

  async #send<T>(method: string, path: string, given: Given): Promise<T> {
    const response = await this.#fetch(method, path, given);
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer as T;
    throw new ApiRefusal(`${method} ${path}`, response.status, answer as ApiError);
  }

  async #fetch(method: string, path: string, { token, body }: Given): Promise<Response> {
    const isForm = body instanceof FormData;
    const url = new URL(path, this.url);
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      // For a form fetch itself names the type, because only it knows the boundary.
      ...(body && !isForm && { 'content-type': 'application/json' }),
    };
    const content = isForm ? body : body ? JSON.stringify(body) : null;
    for (;;) {
      const response = await fetch(url, { method, headers, body: content }).catch(
        (error: Error) => {
          throw new Refusal(`${this.url} does not answer any more (${error.message}): try again.`);
        },
      );
      const seconds = secondsToWait(response);
      if (seconds === undefined) return response;
      await response.body?.cancel();
      await sleep(seconds * 1_000);
    }
  }
}

/** When to come back, if it was too often; a quarter of an hour is too long to wait for. */
function secondsToWait({ status, headers }: Response): number | undefined {
  const seconds = Number(headers.get('retry-after'));
  return status === 429 && seconds > 0 && seconds <= LONGEST_WAIT_S ? seconds : undefined;
}

function queryOf(values: Record<string, string | number | boolean | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size > 0 ? `?${query}` : '';
}

function formOf(values: Record<string, string>, field: string, files: File[]): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.append(name, value);
  for (const { name, type, bytes } of files) {
    form.append(field, new Blob([new Uint8Array(bytes)], { type }), name);
  }
  return form;
}
