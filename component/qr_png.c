/*
 * qr_png.c: see qr_png.h. The code is libqrencode's, the picture libpng's.
 */
#include "component/qr_png.h"

#include <png.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

/* Light modules around (the standard's four), and pixels for one module: large enough for a camera
 * at arm's length, small enough for a chat window. */
#define QUIET 4
#define SCALE 5

/* The modules, one byte a pixel; side: pixels in a row. NULL when memory is short. */
static uint8_t *draw(const QRcode *code, size_t *side)
{
	size_t width = (size_t)code->width;
	uint8_t *pixels;

	*side = (width + (size_t)2 * QUIET) * SCALE;
	pixels = malloc(*side * *side);
	if (!pixels)
		return NULL;
	memset(pixels, 0xff, *side * *side);
	for (size_t y = 0; y < width * SCALE; y++)
		for (size_t x = 0; x < width * SCALE; x++)
			if (code->data[y / SCALE * width + x / SCALE] & 1)
				pixels[(y + (size_t)QUIET * SCALE) * *side + x +
				       (size_t)QUIET * SCALE] = 0;
	return pixels;
}

static int write_png(const uint8_t *pixels, size_t side, struct buf *out)
{
	png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_GRAY};
	png_alloc_size_t size = 0;
	void *png;
	int result = -1;

	image.width = image.height = (png_uint_32)side;
	if (!png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL))
		return -1;
	png = malloc(size);
	if (png && png_image_write_to_memory(&image, png, &size, 0, pixels, 0, NULL))
		result = buf_add(out, png, size);
	free(png);
	return result;
}

int qr_png(const char *text, struct buf *out, struct err *err)
{
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	size_t side = 0;
	uint8_t *pixels = code ? draw(code, &side) : NULL;
	int result = pixels ? write_png(pixels, side, out) : -1;

	free(pixels);
	QRcode_free(code);
	return result ? err_set(err, ERR_MEMORY, "no QR code could be made") : 0;
}
