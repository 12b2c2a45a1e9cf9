/*
 * form.c: see form.h.
 */
#include "xmpp/form.h"

#include "xmpp/ns.h"

#include "core/base/cursor.h"
#include "core/base/secret.h"

#include <stdio.h>
#include <string.h>

/* --- making --- */

static bool is_type(const struct server_field *field, const char *type)
{
	return field->type && strcmp(field->type, type) == 0;
}

static void add_value(struct xml *parent, const char *value)
{
	if (value)
		xml_text_add(xml_child_add(parent, "value", NULL), value);
}

static void add_options(struct xml *element, const char *const *options)
{
	for (; options && options[0]; options += 2) {
		struct xml *option = xml_child_add(element, "option", NULL);

		xml_set(option, "label", options[1]);
		add_value(option, options[0]);
	}
}

static void add_field(struct xml *form, const struct server_field *field, bool result)
{
	struct xml *element = xml_child_add(form, "field", NULL);

	/* Text that stands by itself needs no name. */
	xml_set(element, "var", *field->name ? field->name : NULL);
	xml_set(element, "type", field->type);
	xml_set(element, "label", field->label);
	add_value(element, field->value);
	if (result)
		return;
	add_options(element, field->options);
	if (field->required)
		xml_child_add(element, "required", NULL);
}

struct xml *form_add(struct xml *parent, const char *type, const char *title,
		     const struct server_field *fields)
{
	struct xml *form = xml_child_add(parent, "x", NS_FORM);

	xml_set(form, "type", type);
	if (title)
		xml_text_add(xml_child_add(form, "title", NULL), title);
	for (; fields && fields->name; fields++)
		add_field(form, fields, strcmp(type, "result") == 0);
	return form;
}

int png_size(const void *png, size_t len, uint32_t *width, uint32_t *height)
{
	/*
	 * 0         8        12      16      20       24
	 * signature ‖ length ‖ "IHDR" ‖ width ‖ height ‖ …
	 */
	static const char signature[] = "\x89PNG\r\n\x1a\n";
	uint8_t head[8], type[4];
	struct reader r;

	reader_init(&r, png, len);
	read_bytes(&r, head, sizeof(head));
	read_u32(&r);
	read_bytes(&r, type, sizeof(type));
	*width = read_u32(&r);
	*height = read_u32(&r);
	return r.bad || memcmp(head, signature, sizeof(head)) != 0 ||
		       memcmp(type, "IHDR", sizeof(type)) != 0
		   ? -1
		   : 0;
}

static void set_number(struct xml *element, const char *name, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%lu", (unsigned long)number);
	xml_set(element, name, text);
}

struct xml *form_add_picture(struct xml *form, const char *label, const char *uri, const void *png,
			     size_t len)
{
	struct xml *field = xml_child_add(form, "field", NULL);
	struct xml *media, *element;
	uint32_t width, height;

	xml_set(field, "var", "picture");
	xml_set(field, "label", label);
	media = xml_child_add(field, "media", NS_MEDIA);
	if (png_size(png, len, &width, &height) == 0) {
		set_number(media, "width", width);
		set_number(media, "height", height);
	}
	element = xml_child_add(media, "uri", NULL);
	xml_set(element, "type", "image/png");
	xml_text_add(element, uri);
	return field;
}

/* --- reading --- */

static struct xml *find(struct xml *form, const char *name)
{
	for (struct xml *field = xml_first(form); field; field = xml_next(field)) {
		const char *var = xml_get(field, "var");

		if (xml_is(field, "field", NS_FORM) && var && strcmp(var, name) == 0)
			return field;
	}
	return NULL;
}

const char *form_value(struct xml *form, const char *name)
{
	return xml_child_text(find(form, name), "value", NS_FORM);
}

static bool is_option(const char *const *options, const char *value)
{
	for (; options && options[0]; options += 2)
		if (strcmp(options[0], value) == 0)
			return true;
	return false;
}

static int check_field(const struct server_field *field, const char *value, struct err *err)
{
	const char *label = field->label ? field->label : field->name;

	if (!value || !*value)
		return field->required ? err_set(err, ERR_INPUT, "%s: is needed", label) : 0;
	if (is_type(field, "list-single") && !is_option(field->options, value))
		return err_set(err, ERR_INPUT, "%s: none of the choices", label);
	return 0;
}

int form_check(struct xml *form, const struct server_field *fields, struct err *err)
{
	const char *type = xml_get(form, "type");

	if (!form || !type || strcmp(type, "submit") != 0)
		return err_set(err, ERR_INPUT, "the form is not filled in");
	for (; fields->name; fields++)
		if (check_field(fields, form_value(form, fields->name), err) < 0)
			return -1;
	return 0;
}

void form_wipe(struct xml *form, const struct server_field *fields)
{
	for (; fields && fields->name; fields++) {
		char *value = (char *)(uintptr_t)form_value(form, fields->name);

		if (is_type(fields, "text-private") && value)
			secret_wipe(value, strlen(value));
	}
}
