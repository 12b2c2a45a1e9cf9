/*
 * control_call.c: what the commands of the control socket take and give.
 */
#include "component/control_private.h"

int control_text_optional(const struct control_call *call, const char *name, const char **text,
			  struct err *err)
{
	const json_t *value = json_object_get(call->args, name);

	*text = json_string_value(value);
	if (value && !json_is_null(value) && !*text)
		return err_set(err, ERR_INPUT, "%s must be a text", name);
	return 0;
}

int control_text(const struct control_call *call, const char *name, const char **text,
		 struct err *err)
{
	if (control_text_optional(call, name, text, err))
		return -1;
	return *text ? 0 : err_set(err, ERR_INPUT, "%s is missing", name);
}

struct only {
	struct account *account;
	unsigned count;
};

static void count_account(void *arg, struct account *account)
{
	struct only *only = arg;

	only->account = account;
	only->count++;
}

struct account *control_account(const struct control_call *call, struct err *err)
{
	struct engine *engine = bridge_engine(call->host->bridge);
	struct only only = {0};
	const char *name;

	if (control_text_optional(call, "account", &name, err))
		return NULL;
	if (name) {
		struct account *account = engine_account_find(engine, name);

		if (!account)
			err_set(err, ERR_NOT_FOUND, "no account has this name");
		return account;
	}
	engine_accounts(engine, count_account, &only);
	if (only.count == 0)
		err_set(err, ERR_NOT_FOUND, "there is no account yet");
	else if (only.count > 1)
		err_set(err, ERR_INPUT, "there are several accounts: say which (-a NAME)");
	return only.count == 1 ? only.account : NULL;
}

int control_put(json_t *object, const char *key, json_t *value, struct err *err)
{
	if (json_object_set_new(object, key, value))
		return err_set(err, ERR_MEMORY, "out of memory");
	return 0;
}

void control_list_init(struct control_list *list)
{
	list->array = json_array();
}

void control_list_add(struct control_list *list, json_t *item)
{
	if (!list->array) {
		json_decref(item);
	} else if (json_array_append_new(list->array, item)) {
		json_decref(list->array);
		list->array = NULL;
	}
}

int control_number_optional(const struct control_call *call, const char *name, int64_t *number,
			    struct err *err)
{
	const json_t *value = json_object_get(call->args, name);

	if (value && !json_is_integer(value))
		return err_set(err, ERR_INPUT, "%s must be a whole number", name);
	if (value)
		*number = json_integer_value(value);
	return 0;
}

int control_flag_optional(const struct control_call *call, const char *name, bool *flag,
			  struct err *err)
{
	const json_t *value = json_object_get(call->args, name);

	if (value && !json_is_boolean(value))
		return err_set(err, ERR_INPUT, "%s must be true or false", name);
	if (value)
		*flag = json_is_true(value);
	return 0;
}
