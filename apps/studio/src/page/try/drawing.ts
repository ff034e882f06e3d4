import { contextOf, h } from '../dom.ts';

/** The canvas that a picture is drawn on, or dropped on. */
export interface Drawing {
  clear(): void;
  /** Shows the centre square of a picture. */
  show(file: File): Promise<void>;
  /** The picture, scaled to size × size: RGBA. */
  pixels(size: number): Uint8ClampedArray;
}

/** Width of the pen, in parts of the canvas: that of MNIST's digits. */
const PEN = 0.085;

/**
 * @param onChange called after each piece of a stroke, and after everything else that changes the picture.
 * @param onError called when a file that was dropped is no picture.
 */
export function createDrawing(
  canvas: HTMLCanvasElement,
  onChange: () => void,
  onError: (error: unknown) => void,
): Drawing {
  const context = contextOf(canvas, true);
  const { width, height } = canvas;
  let last: { x: number; y: number } | undefined;

  const clear = (): void => {
    context.fillStyle = 'black';
    context.fillRect(0, 0, width, height);
    onChange();
  };
  const place = ({ offsetX, offsetY }: PointerEvent): { x: number; y: number } => ({
    x: (offsetX * width) / canvas.clientWidth,
    y: (offsetY * height) / canvas.clientHeight,
  });
  const show = async (file: File): Promise<void> => {
    const picture = await createImageBitmap(file).catch((cause: unknown) => {
      throw new Error(`${file.name} is no picture that can be decoded. Choose a PNG or JPEG.`, { cause });
    });
    const side = Math.min(picture.width, picture.height);
    const [x, y] = [(picture.width - side) / 2, (picture.height - side) / 2];
    // Transparent parts stand on black, as when training.
    context.fillStyle = 'black';
    context.fillRect(0, 0, width, height);
    context.drawImage(picture, x, y, side, side, 0, 0, width, height);
    onChange();
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (last === undefined) return;
    const next = place(event);
    context.strokeStyle = 'white';
    context.lineWidth = PEN * width;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(last.x, last.y);
    context.lineTo(next.x, next.y);
    context.stroke();
    last = next;
    onChange();
  });
  for (const name of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(name, () => {
      last = undefined;
    });
  }
  canvas.addEventListener('dragover', (event) => {
    event.preventDefault();
    canvas.classList.add('over');
  });
  canvas.addEventListener('dragleave', () => canvas.classList.remove('over'));
  canvas.addEventListener('drop', (event) => {
    event.preventDefault();
    canvas.classList.remove('over');
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) show(file).catch(onError);
  });

  return {
    clear,
    show,
    pixels(size) {
      const scaled = contextOf(h('canvas', { width: size, height: size }), true);
      scaled.imageSmoothingQuality = 'high';
      scaled.drawImage(canvas, 0, 0, size, size);
      return scaled.getImageData(0, 0, size, size).data;
    },
  };
}
