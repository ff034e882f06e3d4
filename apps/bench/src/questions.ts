import { blockContent } from './page.ts';
import type { Result } from './result.ts';

/** A question as it is asked, with what it takes two minutes to read. `{experiment:key}` stands for a number of a result, as between the marks of a page. */
interface Asked {
  readonly question: string;
  readonly answer: string;
  readonly set: string;
}

interface Question {
  readonly english: Asked;
  readonly chinese: Asked;
  /** A picture of a result, and what it shows. */
  readonly picture: readonly [file: string, text: string];
  /** Where it was asked. */
  readonly threads: readonly number[];
  /** Pages with the whole answer, beside this one. */
  readonly pages: readonly string[];
}

const LIBRARY = 'https://github.com/lucidrains/vector-quantize-pytorch';
const DRIFT = 'lfq-scale-drift:cell.gaussian-stream-10-bits-per-token';
/** On MNIST without a remedy, by τ. */
const [MNIST_100, MNIST_1] = [100, 1].map(
  (temperature) => `lfq-remedies:cell.mnist-${temperature}-10-bits-per-token.nothing.rms-of-z`,
);
const RATIO = 'simvq-rotation:cell.mse-z-q-with-the-trick-on-over-that-with-it-off';
const MLP = 'linear-relu-linear';
const RELEASES = 'simvq-library:cell.after-the-last-step';
/** What users compared, on MNIST and on speech. */
const [RATIO_MNIST, RATIO_SPEECH] = [
  RATIO.replace('rotation:', 'rotation-images:'),
  RATIO.replace('simvq', 'speech-simvq'),
];
const GAUSSIAN = 'lfq-distance:cell.gaussian-codebook-how-often-nearest-code-and-largest-dot-product-agree.10';

const QUESTIONS: readonly Question[] = [
  {
    english: {
      question: "Is LFQ's dot product wrong unless its input is normalised?",
      answer: `**No.** \`|x-c|² = |x|² + |c|² - 2⟨x,c⟩\`: |x|² is the same for every code, and the codes {±s}^d of LFQ all have |c|² = d s². So for any x the nearest code is that of the largest dot product, the sign of each feature, and since a softmax does not change when all its logits get the same number, the probabilities are the same too. The experiment that is quoted against it has random Gaussian codes, which differ in length; there the two agree for {${GAUSSIAN}.nothing-normalised} of the inputs, for {${GAUSSIAN}.inputs-only} with the inputs normalised, and for {${GAUSSIAN}.codes-only} with the codes. What goes wrong without normalisation is the scale: on a stream of Gaussian vectors the rms of the latents ended at {${DRIFT}.nothing.rms-of-z}, every bit was decided and the entropy loss had no gradient left. On patches of MNIST, in fewer steps, it ended at {${MNIST_100}} at the default τ = 100 and at {${MNIST_1}} at τ = 1.`,
      set: `a commitment weight of 0.25, or \`unitNormLossWeight: 1\`; or a LayerNorm without affine part before LFQ, or \`spherical: true\`, both with \`entropyLossWeight: 0\`. Each of them lowered the error on the stream and on MNIST, at τ = 100 and at τ = 1. A lower inverse temperature alone does not hold the scale: rms {${DRIFT}.1.rms-of-z} at τ = 1.`,
    },
    chinese: {
      question: 'LFQ 的输入没有归一化，用点积代替欧氏距离是不是错的？',
      answer: `**不是。** \`|x-c|² = |x|² + |c|² - 2⟨x,c⟩\`：|x|² 对所有码字都相同，而 LFQ 的码字 {±s}^d 都满足 |c|² = d s²。因此对任意 x，距离最近的码字就是点积最大的码字，也就是逐维取符号；softmax 的所有 logit 同时加上一个数，结果不变，所以概率也相同。常被引用的反例用的是长度不等的随机高斯码字：那里两者只在 {${GAUSSIAN}.nothing-normalised} 的输入上一致，只归一化输入时为 {${GAUSSIAN}.inputs-only}，只归一化码字时为 {${GAUSSIAN}.codes-only}。不归一化时真正出问题的是尺度：在高斯数据流上，latent 的 rms 最终达到 {${DRIFT}.nothing.rms-of-z}，每一位都已饱和，熵损失不再提供梯度；在 MNIST 图块上，步数较少，默认的 τ = 100 时为 {${MNIST_100}}，τ = 1 时为 {${MNIST_1}}。`,
      set: `把 commitment 权重设为 0.25，或设 \`unitNormLossWeight: 1\`；或者在 LFQ 之前加不带仿射参数的 LayerNorm，或用 \`spherical: true\`，这两种都要配 \`entropyLossWeight: 0\`。其中每一种在高斯数据流和 MNIST 上、在 τ = 100 和 τ = 1 时都降低了误差。只调低逆温度 τ 不能控制尺度：τ = 1 时 rms 为 {${DRIFT}.1.rms-of-z}。`,
    },
    picture: ['lfq-scale-drift-rms', 'The scale of the latents over the steps'],
    threads: [120, 121, 146],
    pages: ['lfq-distance', 'lfq-library', 'lfq-scale-drift', 'lfq-remedies', 'lfq-softness'],
  },
  {
    english: {
      question: "Why does SimVQ's commitment loss grow with the rotation trick?",
      answer: `**Because half of the loss was missing while the trick was on.** In vector-quantize-pytorch 1.20.1 to 1.20.10 it was trained by mse(sg z, q) alone; whoever switched the trick off put 0.25 mse(z, sg q) back, the half that pulls z to its code. At the commitment weight of the report, 1,000, with its two-layer transform, mse(z, q) then ends {${RATIO}.1-000-${MLP}.what-users-compared} that with the trick off on a Gaussian stream ({${RATIO_MNIST}.1-000-${MLP}.what-users-compared} on MNIST, {${RATIO_SPEECH}.1-000-${MLP}.what-users-compared} on speech); with both halves on both sides {${RATIO}.1-000-${MLP}.both-halves-on-both-sides} ({${RATIO_MNIST}.1-000-${MLP}.both-halves-on-both-sides}, {${RATIO_SPEECH}.1-000-${MLP}.both-halves-on-both-sides}). At weight 1 the comparison gives {${RATIO}.1-${MLP}.what-users-compared} ({${RATIO_MNIST}.1-${MLP}.what-users-compared}, {${RATIO_SPEECH}.1-${MLP}.what-users-compared}): with the trick off mse(z, q) is high there as well. In the releases themselves, with the code of the report: {${RELEASES}.1-20-10-trick-on-weight-1-000.mse-z-q} in 1.20.10 with the trick on, {${RELEASES}.1-20-10-trick-off-weight-1-000.mse-z-q} with it off, {${RELEASES}.1-20-11-trick-on-weight-1-000.mse-z-q} in 1.20.11 with it on. Nothing about the rotation is random: it is the one that takes z to its code.`,
      set: 'vector-quantize-pytorch 1.20.11 or later, and `commitment_weight=1`; with an older one add `0.25 * commitment_weight * F.mse_loss(x, quantized.detach())` yourself. vqkit has both halves, with the trick and without.',
    },
    chinese: {
      question: '为什么打开 rotation trick 后，SimVQ 的 commitment loss 会变大？',
      answer: `**因为打开它时，损失少了一半。** vector-quantize-pytorch 1.20.1 到 1.20.10 在打开 rotation trick 时只用 mse(sg z, q) 训练；关掉它，就等于把另一半 0.25 mse(z, sg q) 加了回来，而正是这一半把 z 拉向码字。按报告中的 commitment 权重 1,000 和两层变换，在高斯数据流上 mse(z, q) 最终是关闭时的 {${RATIO}.1-000-${MLP}.what-users-compared}（MNIST 上 {${RATIO_MNIST}.1-000-${MLP}.what-users-compared}，语音上 {${RATIO_SPEECH}.1-000-${MLP}.what-users-compared}）；两边都用完整的损失时是 {${RATIO}.1-000-${MLP}.both-halves-on-both-sides}（{${RATIO_MNIST}.1-000-${MLP}.both-halves-on-both-sides}，{${RATIO_SPEECH}.1-000-${MLP}.both-halves-on-both-sides}）。权重为 1 时这个比较是 {${RATIO}.1-${MLP}.what-users-compared}（{${RATIO_MNIST}.1-${MLP}.what-users-compared}，{${RATIO_SPEECH}.1-${MLP}.what-users-compared}）：那时关闭一侧的 mse(z, q) 也高。用报告中的代码直接运行这两个版本：1.20.10 打开时为 {${RELEASES}.1-20-10-trick-on-weight-1-000.mse-z-q}，关闭时为 {${RELEASES}.1-20-10-trick-off-weight-1-000.mse-z-q}，1.20.11 打开时为 {${RELEASES}.1-20-11-trick-on-weight-1-000.mse-z-q}。旋转并不随机：它就是把 z 转到其码字的那一个旋转。`,
      set: '使用 vector-quantize-pytorch 1.20.11 或更新版本，并设 `commitment_weight=1`；旧版本请自行加上 `0.25 * commitment_weight * F.mse_loss(x, quantized.detach())`。vqkit 无论是否打开 rotation trick，两半损失都在。',
    },
    picture: ['simvq-rotation-commitment-1000-mlp', 'mse(z, q) over the steps at weight 1,000'],
    threads: [177],
    pages: [
      'simvq-library',
      'simvq-speech-conv',
      'simvq-rotation',
      'simvq-rotation-images',
      'speech-simvq-rotation',
      'simvq-rotation-rate',
    ],
  },
  {
    english: {
      question: 'My codebook collapses: what now?',
      answer:
        '**First see which kind of collapse it is**: from the symptom to its cause and the command that shows it in [My codebook collapses](../codebook-collapse.md). Of the codebooks compared here plain VQ loses its codes as K grows; moving averages with k-means and revival of dead codes, SimVQ, FSQ and normalised LFQ keep more of them.',
      set: 'for VQ `kmeansInit: true` and `thresholdEmaDeadCode`; for LFQ a norm layer or `spherical: true`; or FSQ, which has no codebook to lose.',
    },
    chinese: {
      question: '码本坍塌了，怎么办？',
      answer:
        '**先看是哪一种坍塌**：[My codebook collapses](../codebook-collapse.md) 从症状列到原因和能看出它的命令。在这里比较的方法中，普通 VQ 的码字利用随 K 增大而减少；带 k-means 初始化和死码重启的滑动平均 VQ、SimVQ、FSQ 和归一化的 LFQ 能保留更多。',
      set: 'VQ 用 `kmeansInit: true` 和 `thresholdEmaDeadCode`；LFQ 在前面加归一化层或用 `spherical: true`；或者改用没有码本可丢的 FSQ。',
    },
    picture: ['claims-collapse-used', 'Codes in use over the size of the codebook'],
    threads: [],
    pages: ['claims-collapse', 'claims-collapse-images', 'simvq-still'],
  },
];

/** The words in a number of a result, in Chinese. */
const inChinese = (content: string): string => content.replaceAll(' times', ' 倍').replaceAll(' to ', ' 至 ');

/** The questions with their answers in both languages. Nothing where the results that they quote are not there. */
export function questionsOf(results: readonly Result[]): string[] {
  const filled = (text: string, translated = (content: string): string => content): string | undefined => {
    let whole = true;
    const done = text.replace(/\{([a-z0-9-]+):([a-z0-9.-]+)\}/g, (_, experiment: string, key: string) => {
      const result = results.find((candidate) => candidate.experiment === experiment);
      const content = result === undefined ? undefined : blockContent(result, key);
      whole &&= content !== undefined;
      return translated(content ?? '');
    });
    return whole ? done : undefined;
  };
  return QUESTIONS.flatMap(({ english, chinese, picture: [file, shows], threads, pages }) => {
    const parts = [
      `## ${english.question}\n\n**${chinese.question}**`,
      filled(english.answer),
      filled(`What to set: ${english.set}`),
      filled(chinese.answer, inChinese),
      filled(`怎么设置：${chinese.set}`, inChinese),
      `![${shows}](../../apps/bench/results/${file}.svg)`,
      [
        ...(threads.length > 0
          ? [`Threads · 讨论: ${threads.map((number) => `[#${number}](${LIBRARY}/issues/${number})`).join(', ')}.`]
          : []),
        `The whole answer · 完整的回答: ${pages.map((page) => `[${page}](${page}.md)`).join(', ')}.`,
      ].join(' '),
    ];
    return parts.every((part) => part !== undefined) ? parts : [];
  });
}
