/**
 * What a step of AdamW multiplies by, all in float64: `p' = p · decay - rate · m' / (√v' · rootScale + epsilon)`, `m' = beta1 m + (1 - beta1) g`,
 * `v' = beta2 v + (1 - beta2) g²`. The kernel is of @vqkit/nn; engines, which import nothing of it, go by this.
 */
export interface AdamWAttrs {
  readonly beta1: number;
  readonly beta2: number;
  readonly decay: number;
  readonly rate: number;
  readonly rootScale: number;
  readonly epsilon: number;
}
