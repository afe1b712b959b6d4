import { Refusal } from './refusal.ts';

/** A post as the API answers it. */
export interface Tweet {
  id: string;
  content: string;
  user: { id: string; username: string };
}

/** Somebody who is logged in. */
export interface Person {
  id: string;
  username: string;
  token: string;
}

interface ApiError {
  code?: string;
  message?: string;
}

/** The API answered with an error. */
export class ApiRefusal extends Refusal {
  readonly status: number;

  constructor(request: string, status: number, { code, message }: ApiError) {
    super(`${request} was answered with ${status} ${code ?? ''} (${message ?? 'no message'}).`);
    this.status = status;
  }
}

/** What the demo asks of the API, over HTTP. */
export class Api {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Opens an account and logs in. @throws {ApiRefusal} */
  async signUp(username: string, password: string): Promise<Person> {
    const account = { username, password, email: `${username}@example.org` };
    await this.#send('POST', '/api/accounts/signup', { body: account });
    return this.logIn(username, password);
  }

  /** @throws {ApiRefusal} */
  async logIn(username: string, password: string): Promise<Person> {
    const body = { username, password };
    const login = await this.#send('POST', '/api/accounts/login', { body });
    const { accessToken: token } = login as { accessToken: string };
    const { id } = (await this.#send('GET', '/api/accounts/me', { token })) as { id: string };
    return { id, username, token };
  }

  /** @throws {ApiRefusal} */
  async follow({ token }: Person, { id }: Person): Promise<void> {
    await this.#send('POST', `/api/friendships/${id}/follow`, { token });
  }

  /** @throws {ApiRefusal} */
  async post({ token }: Person, content: string): Promise<Tweet> {
    return (await this.#send('POST', '/api/tweets', { token, body: { content } })) as Tweet;
  }

  /** The newest posts in somebody's feed. @throws {ApiRefusal} */
  async feed({ token }: Person): Promise<Tweet[]> {
    const { items } = (await this.#send('GET', '/api/newsfeeds', { token })) as { items: Tweet[] };
    return items;
  }

  async #send(method: string, path: string, given: { token?: string; body?: object }) {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(given.token !== undefined && { authorization: `Bearer ${given.token}` }),
        ...(given.body && { 'content-type': 'application/json' }),
      },
      body: given.body ? JSON.stringify(given.body) : null,
    }).catch((error: Error) => {
      throw new Refusal(`${this.url} does not answer any more (${error.message}): try again.`);
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer as object;
    throw new ApiRefusal(`${method} ${path}`, response.status, answer as ApiError);
  }
}
