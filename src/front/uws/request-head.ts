// The head of a request as uWebSockets.js hands it out, on its way into a packet. The library decodes it as UTF-8; here it
// becomes bytes again.
import { latin1FromUtf8 } from '../../protocol/request-target.js';
import { REFUSAL } from '../http/refusal.js';
import type { RequestEncoder } from '../http/request-encoder.js';
import type { UwsRequest, UwsResponse } from './api.js';
import { PeerVars } from './peer-vars.js';

/** Encodes one head after the other, of all connections of a front. */
export class RequestHead {
  private readonly encoder: RequestEncoder;
  private readonly peerVars = new PeerVars();
  private notUtf8 = false;

  constructor(encoder: RequestEncoder) {
    this.encoder = encoder;
  }

  /**
   * Writes the packet to the front of `buffer`: where its vars end, or 0 when the encoder's `refusal` is to be answered. Valid
   * inside the library's handler only.
   */
  encode(response: UwsResponse, request: UwsRequest, buffer: Buffer): number {
    const { encoder, peerVars } = this;
    const query = request.getQuery();
    const path = request.getUrl();
    this.notUtf8 = false;
    const uri = this.toLatin1(query === undefined ? path : `${path}?${query}`);
    encoder.begin(buffer, request.getCaseSensitiveMethod(), uri, 1, peerVars.of(response));
    request.forEach(this.onHeader);
    if (encoder.repeated) {
      const list: string[] = [];
      request.forEach((name, value) => {
        list.push(name, latin1FromUtf8(value));
      });
      encoder.joinHeaders(list);
    }
    const varsEnd = encoder.end();
    if (varsEnd > 0 && this.notUtf8) {
      encoder.refusal = REFUSAL.NOT_UTF8;
      return 0;
    }
    return varsEnd;
  }

  private readonly onHeader = (name: string, value: string): void => {
    this.encoder.header(name, this.toLatin1(value));
  };

  /** What was no UTF-8 has become U+FFFD, and its bytes are lost. */
  private toLatin1(text: string): string {
    const bytes = latin1FromUtf8(text);
    if (bytes !== text && text.includes('\ufffd')) this.notUtf8 = true;
    return bytes;
  }
}
