/** What every tab is given. */

import type { Engine } from "./engines/engine";
import type { PageConfig } from "./types";

export interface App {
  config: PageConfig;
  engine: Engine;
  /** Draw the page again, at most once a frame. */
  changed(): void;
}

/** One tab. */
export interface View {
  id: string;
  title: string;
  template(): unknown;
  /** The tab was left. */
  hidden?(): void;
}
