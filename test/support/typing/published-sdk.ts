/** SDK 0.1.1 as it is published, as a form sees it. */
import type { Test } from 'tap';
import { sdkClient, type SdkClient } from '../clients/sdk.js';
import type { FormClient, FormClientOptions } from './form-client.js';

export class PublishedSdk implements FormClient {
  readonly problems: string[] = [];
  readonly #sdk: SdkClient;

  private constructor(sdk: SdkClient) {
    this.#sdk = sdk;
  }

  /** Resolves when it is subscribed. @param t As for `sdkClient`. */
  static async open(
    t: Pick<Test, 'teardown'>,
    { url, clientId, documentId }: FormClientOptions,
  ): Promise<PublishedSdk> {
    return new PublishedSdk(await sdkClient(t, url, clientId, documentId));
  }

  get clientId(): string {
    return this.#sdk.clientId;
  }

  get unacked(): number {
    return this.#sdk.unacked;
  }

  get(field: string): unknown {
    return this.#sdk.document.getField(field);
  }

  set(field: string, value: unknown): void {
    // Rejected when its connection breaks before the ack; the SDK keeps the write for the next connection.
    this.#sdk.document.set(field, value).catch(() => undefined);
  }

  onShown(listener: () => void): void {
    this.#sdk.document.subscribe(listener);
  }

  onAck(listener: () => void): void {
    this.#sdk.onAck(listener);
  }

  close(): void {
    this.#sdk.close();
  }
}
