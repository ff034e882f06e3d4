export { adamWStep } from './adamw';
export { convImages, convImagesFewOutputs } from './conv';
export { convFilterImages, convFilterImagesFewOutputs } from './conv-filter';
export { gelu, geluGrad } from './gelu';
export { packPanels, transposeFilter } from './pack';
export { maxPoolGradImages, maxPoolImages } from './pool';
export { addPartials, addPartialsFewOutputs } from './reduce';
export { resizeNearestGradImages, resizeNearestImages } from './resize';
export { sumColumns } from './sum';
