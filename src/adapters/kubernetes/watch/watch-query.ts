/** Objects of one kind in one namespace, narrowed by selectors. */
export interface WatchQuery {
  /** Of the API: `/api/v1`, `/apis/apps/v1`. */
  readonly group: string;
  /** Plural: `pods`. */
  readonly resource: string;
  readonly namespace: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}
