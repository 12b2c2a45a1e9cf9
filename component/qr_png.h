/*
 * qr_png.h: a QR code as a picture.
 */
#ifndef COMPONENT_QR_PNG_H
#define COMPONENT_QR_PNG_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* Append the PNG of text's QR code, black on white, to out. */
int qr_png(const char *text, struct buf *out, struct err *err);

#endif
