import type { Comment } from '../comments/schemas.ts';
import type { CommentService } from '../comments/service.ts';
import type { LikeService } from '../likes/service.ts';
import type { Tweet } from '../tweets/schemas.ts';
import type { CommentView, TweetView } from './schemas.ts';

/** What people did with tweets and comments: one statement a fact, however many are shown. */
export class EngagementService {
  readonly #comments: CommentService;
  readonly #likes: LikeService;

  constructor(comments: CommentService, likes: LikeService) {
    this.#comments = comments;
    this.#likes = likes;
  }

  /** These tweets as the viewer sees them. */
  async ofTweets(tweets: Tweet[], viewerId?: string): Promise<TweetView[]> {
    const ids = tweets.map(({ id }) => id);
    const commentsCounts = await this.#comments.countsOn(ids);
    const likesOf = await this.#likes.summary('tweet', ids, viewerId);
    return tweets.map((tweet) => ({
      ...tweet,
      commentsCount: commentsCounts.get(tweet.id) ?? 0,
      ...likesOf(tweet.id),
    }));
  }

  /** One tweet as the viewer sees it. */
  async ofTweet(tweet: Tweet, viewerId?: string): Promise<TweetView> {
    const [view] = await this.ofTweets([tweet], viewerId);
    return view as TweetView;
  }

  /** These comments as the viewer sees them. */
  async ofComments(comments: Comment[], viewerId?: string): Promise<CommentView[]> {
    const ids = comments.map(({ id }) => id);
    const likesOf = await this.#likes.summary('comment', ids, viewerId);
    return comments.map((comment) => ({ ...comment, ...likesOf(comment.id) }));
  }

  /** One comment as the viewer sees it. */
  async ofComment(comment: Comment, viewerId?: string): Promise<CommentView> {
    const [view] = await this.ofComments([comment], viewerId);
    return view as CommentView;
  }
}
