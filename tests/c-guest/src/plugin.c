/* A plugin in C: items of a vendor that does not exist. One kind, `item`, with
 * a name that cannot change and a size that can. */
#include "plugin.h"

#include <string.h>

#include "json.h"

typedef exports_honey_plugin_lifecycle_fault_t fault;
typedef exports_honey_plugin_lifecycle_state_t state;
typedef exports_honey_plugin_lifecycle_borrow_context_t context;

/* A call lives in a store of its own: what is set here is set for it alone. */
static text endpoint;

/* An item as the vendor tells it. */
typedef struct {
    uint64_t id, size;
    text name, note;
} item;

static bool fail(fault *to, const char *class, const char *code, const char *message) {
    memset(to, 0, sizeof *to);
    to->class_ = lit(class);
    to->code = lit(code);
    to->message = lit(message);
    return false;
}

/* ---- the vendor's API ---- */

static const char *class_of(uint16_t status) {
    switch (status) {
    case 401: return "auth";
    case 403: return "forbidden";
    case 404: return "not-found";
    case 409: return "conflict";
    case 423: return "locked";
    case 429: return "rate-limited";
    default: return status >= 500 ? "transient" : "invalid";
    }
}

/* `{"error": {"code": "name_taken", "message": "…"}}` */
static bool refused(honey_plugin_http_response_t *reply, fault *to) {
    text body = {reply->body.ptr, reply->body.len};
    value *error = field(parse(body), "error");
    fail(to, class_of(reply->status), "refused", "the vendor refused a request");
    to->vendor.is_some = true;
    to->vendor.val.status = reply->status;
    to->vendor.val.code = string_of(field(error, "code"));
    to->vendor.val.message = string_of(field(error, "message"));
    for (size_t i = 0; i < reply->headers.len; i++) {
        plugin_tuple2_string_string_t header = reply->headers.ptr[i];
        value number = {.type = NUMBER, .text = header.f1};
        uint64_t seconds;
        if (same(header.f0, lit("retry-after")) && number_of(&number, &seconds) && seconds < 86400) {
            to->retry_after_ms.is_some = true;
            to->retry_after_ms.val = seconds * 1000;
        }
    }
    return false;
}

/* Sends a request; everything but 2xx is a fault. `found` is the JSON of the answer. */
static bool call(const char *method, text path, text body, value **found, fault *to) {
    buffer url = {0};
    put(&url, endpoint);
    put(&url, path);
    honey_plugin_http_part_t token[2] = {
        {.tag = HONEY_PLUGIN_HTTP_PART_TEXT, .val.text = lit("Bearer ")},
        {.tag = HONEY_PLUGIN_HTTP_PART_SECRET, .val.secret = lit("token")},
    };
    honey_plugin_http_part_t kind = {.tag = HONEY_PLUGIN_HTTP_PART_TEXT, .val.text = lit("application/json")};
    honey_plugin_http_part_t content = {.tag = HONEY_PLUGIN_HTTP_PART_TEXT, .val.text = body};
    honey_plugin_http_header_t headers[2] = {
        {.name = lit("authorization"), .value = {token, 2}},
        {.name = lit("content-type"), .value = {&kind, 1}},
    };
    honey_plugin_http_request_t request = {
        .method = lit(method),
        .url = done(&url),
        .headers = {headers, body.len ? 2 : 1},
        .body = {&content, body.len ? 1 : 0},
        .idempotent = !same(lit(method), lit("POST")),
        .bucket = lit("default"),
    };
    honey_plugin_http_response_t reply;
    honey_plugin_http_error_t error;
    if (!honey_plugin_http_send(&request, &reply, &error)) {
        switch (error.tag) {
        case HONEY_PLUGIN_HTTP_ERROR_DENIED: return fail(to, "forbidden", "denied", "the request was not allowed");
        case HONEY_PLUGIN_HTTP_ERROR_TIMEOUT: return fail(to, "timeout", "timeout", "the vendor did not answer in time");
        case HONEY_PLUGIN_HTTP_ERROR_TOO_LARGE: return fail(to, "malformed", "too-large", "the answer is too large");
        case HONEY_PLUGIN_HTTP_ERROR_CANCELED: return fail(to, "canceled", "canceled", "stopped as asked");
        default: return fail(to, "transient", "unreachable", "no whole answer came back");
        }
    }
    if (reply.status < 200 || reply.status > 299) return refused(&reply, to);
    text answer = {reply.body.ptr, reply.body.len};
    *found = answer.len ? parse(answer) : NULL;
    return true;
}

static bool malformed(fault *to) {
    return fail(to, "malformed", "malformed", "the answer is not what was promised");
}

static bool item_of(value *found, item *one, fault *to) {
    if (!number_of(field(found, "id"), &one->id) || !number_of(field(found, "size"), &one->size)) return malformed(to);
    one->name = string_of(field(found, "name"));
    one->note = string_of(field(found, "note"));
    return one->name.len ? true : malformed(to);
}

static text path_of(text id) {
    buffer path = {0};
    put_text(&path, "/items/");
    put(&path, id);
    return done(&path);
}

/* ---- marks ---- */

static text note_of(context ctx) {
    text owner, address;
    honey_plugin_operation_method_context_owner(ctx, &owner);
    honey_plugin_operation_method_context_address(ctx, &address);
    buffer note = {0};
    put_text(&note, "honey-owner=");
    put(&note, owner);
    put_text(&note, " honey-address=");
    put(&note, address);
    return done(&note);
}

static exports_honey_plugin_lifecycle_ownership_t whose(context ctx, text note) {
    text mark = lit("honey-owner="), owner;
    if (note.len < mark.len || memcmp(note.ptr, mark.ptr, mark.len) != 0)
        return EXPORTS_HONEY_PLUGIN_LIFECYCLE_OWNERSHIP_UNMARKED;
    text rest = {note.ptr + mark.len, note.len - mark.len};
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] == ' ') rest.len = i;
    honey_plugin_operation_method_context_owner(ctx, &owner);
    return same(rest, owner) ? EXPORTS_HONEY_PLUGIN_LIFECYCLE_OWNERSHIP_OURS
                             : EXPORTS_HONEY_PLUGIN_LIFECYCLE_OWNERSHIP_FOREIGN;
}

static void tell(context ctx, item *one, state *to) {
    buffer id = {0}, attributes = {0}, outputs = {0};
    put_number(&id, one->id);
    put_text(&attributes, "{\"name\":");
    put_string(&attributes, one->name);
    put_text(&attributes, ",\"size\":");
    put_number(&attributes, one->size);
    put_text(&attributes, "}");
    put_text(&outputs, "{\"id\":");
    put_string(&outputs, done(&id));
    put_text(&outputs, "}");
    to->id = done(&id);
    to->attributes = done(&attributes);
    to->outputs = done(&outputs);
    to->ownership = whose(ctx, one->note);
}

/* ---- the kind ---- */

/* A desired value in its normal form: a name in lower case, a size of 1 where
 * nothing is said. A name that is not known yet is empty. */
typedef struct {
    text name;
    uint64_t size;
} wanted;

static bool wanted_of(text source, wanted *to, fault *error) {
    value *desired = parse(source), *size = field(desired, "size"), *name = field(desired, "name");
    if (desired == NULL || desired->type != OBJECT) return fail(error, "invalid", "not-an-object", "an item is a table");
    to->size = 1;
    if (size && size->type != NOTHING && !number_of(size, &to->size))
        return fail(error, "invalid", "size", "`size` is a whole number");
    if (name && name->type != NOTHING && name->type != STRING) return fail(error, "invalid", "name", "`name` is a text");
    to->name = string_of(name);
    for (size_t i = 0; i < to->name.len; i++)
        if (to->name.ptr[i] >= 'A' && to->name.ptr[i] <= 'Z') to->name.ptr[i] += 'a' - 'A';
    return true;
}

/* By id, by our marks, by name, in this order. */
static bool find(context ctx, text *id, text name, bool *there, item *found, fault *error) {
    text none = {0};
    value *answer = NULL;
    *there = false;
    if (id) {
        if (!call("GET", path_of(*id), none, &answer, error)) return same(error->class_, lit("not-found"));
        *there = true;
        return item_of(answer, found, error);
    }
    bool named = false;
    text note = note_of(ctx);
    for (uint64_t page = 1; page < 1000;) {
        buffer path = {0};
        put_text(&path, "/items?page=");
        put_number(&path, page);
        if (!call("GET", done(&path), none, &answer, error)) return false;
        value *items = field(answer, "items");
        if (items == NULL || items->type != ARRAY) return malformed(error);
        for (value *each = items->child; each; each = each->next) {
            item one;
            if (!item_of(each, &one, error)) return false;
            bool ours = same(one.note, note);
            if (ours || (!named && name.len && same(one.name, name))) {
                *found = one;
                named = *there = true;
            }
            if (ours) return true;
        }
        uint64_t next;
        if (!number_of(field(answer, "next_page"), &next)) return true;
        if (next <= page) return malformed(error);
        page = next;
    }
    return malformed(error);
}

static bool change(context ctx, text id, wanted *to, item *changed, fault *error) {
    buffer body = {0};
    value *answer = NULL;
    put_text(&body, "{\"size\":");
    put_number(&body, to->size);
    put_text(&body, ",\"note\":");
    put_string(&body, note_of(ctx));
    put_text(&body, "}");
    return call("PATCH", path_of(id), done(&body), &answer, error) && item_of(answer, changed, error);
}

static text id_of(item *one) {
    buffer id = {0};
    put_number(&id, one->id);
    return done(&id);
}

/* Looks for our marks before it makes anything: an earlier try may have come this far. */
static bool create(context ctx, wanted *to, item *made, fault *error) {
    bool there;
    if (!find(ctx, NULL, to->name, &there, made, error)) return false;
    if (there && whose(ctx, made->note) != EXPORTS_HONEY_PLUGIN_LIFECYCLE_OWNERSHIP_OURS)
        return fail(error, "conflict", "exists", "an item of this name exists and is not ours");
    if (there) return change(ctx, id_of(made), to, made, error);
    buffer body = {0};
    value *answer = NULL;
    put_text(&body, "{\"name\":");
    put_string(&body, to->name);
    put_text(&body, ",\"size\":");
    put_number(&body, to->size);
    put_text(&body, ",\"note\":");
    put_string(&body, note_of(ctx));
    put_text(&body, "}");
    if (!call("POST", lit("/items"), done(&body), &answer, error) || !item_of(answer, made, error)) return false;
    text id = id_of(made), progress = lit("{}");
    honey_plugin_operation_method_context_checkpoint(ctx, &id, &progress);
    return true;
}

static bool erase(text id, fault *error) {
    text none = {0};
    value *answer;
    return call("DELETE", path_of(id), none, &answer, error) || same(error->class_, lit("not-found"));
}

/* ---- what honey calls ---- */

bool exports_honey_plugin_lifecycle_configure(text *config, fault *err) {
    value *settings = parse(*config);
    if (settings == NULL || settings->type != OBJECT) return fail(err, "invalid", "settings", "settings are a table");
    for (value *one = settings->child; one; one = one->next)
        if (!same(one->key, lit("endpoint"))) return fail(err, "invalid", "settings", "the only setting is `endpoint`");
    endpoint = string_of(field(settings, "endpoint"));
    if (endpoint.len == 0) endpoint = lit("https://api.c-guest.example/v1");
    return true;
}

bool exports_honey_plugin_lifecycle_check(text *kind, text *desired, exports_honey_plugin_lifecycle_checked_t *ret, fault *err) {
    wanted to;
    memset(ret, 0, sizeof *ret);
    if (!wanted_of(*desired, &to, err)) return false;
    buffer normal = {0};
    put_text(&normal, "{");
    if (to.name.len) {
        put_text(&normal, "\"name\":");
        put_string(&normal, to.name);
        put_text(&normal, ",");
    }
    put_text(&normal, "\"size\":");
    put_number(&normal, to.size);
    put_text(&normal, "}");
    ret->desired = done(&normal);
    return true;
}

bool exports_honey_plugin_lifecycle_upgrade(text *kind, uint32_t from, text *attributes, text *ret, fault *err) {
    *ret = *attributes;
    return true;
}

static bool read(context ctx, text *id, text *desired, exports_honey_plugin_lifecycle_option_state_t *ret, fault *err) {
    wanted to = {0};
    item found;
    if (desired && !wanted_of(*desired, &to, err)) return false;
    if (!find(ctx, id, to.name, &ret->is_some, &found, err)) return false;
    if (ret->is_some) tell(ctx, &found, &ret->val);
    return true;
}

static bool apply(context ctx, exports_honey_plugin_lifecycle_apply_request_t *request,
                  exports_honey_plugin_lifecycle_outcome_t *ret, fault *err) {
    wanted to = {0};
    item found;
    bool there, well = false;
    memset(ret, 0, sizeof *ret);
    if (request->desired.is_some && !wanted_of(request->desired.val, &to, err)) return false;
    text *id = request->id.is_some ? &request->id.val : NULL;
    if (request->action != EXPORTS_HONEY_PLUGIN_LIFECYCLE_ACTION_CREATE &&
        request->action != EXPORTS_HONEY_PLUGIN_LIFECYCLE_ACTION_ADOPT && id == NULL)
        return fail(err, "internal", "no-id", "this needs an id");
    switch (request->action) {
    case EXPORTS_HONEY_PLUGIN_LIFECYCLE_ACTION_CREATE:
        well = create(ctx, &to, &found, err);
        break;
    case EXPORTS_HONEY_PLUGIN_LIFECYCLE_ACTION_ADOPT:
        if (!find(ctx, id, to.name, &there, &found, err)) return false;
        if (!there) return fail(err, "not-found", "nothing-to-adopt", "there is no such item");
        if (whose(ctx, found.note) == EXPORTS_HONEY_PLUGIN_LIFECYCLE_OWNERSHIP_FOREIGN)
            return fail(err, "conflict", "foreign", "the item carries the marks of another owner");
        well = change(ctx, id_of(&found), &to, &found, err);
        break;
    case EXPORTS_HONEY_PLUGIN_LIFECYCLE_ACTION_UPDATE:
        well = change(ctx, *id, &to, &found, err);
        break;
    case EXPORTS_HONEY_PLUGIN_LIFECYCLE_ACTION_REPLACE:
        well = erase(*id, err) && create(ctx, &to, &found, err);
        break;
    default:
        return erase(*id, err);
    }
    if (!well) return false;
    ret->val.done.is_some = true;
    tell(ctx, &found, &ret->val.done.val);
    return true;
}

/* The operation is lent for the call and given back at its end. */
bool exports_honey_plugin_lifecycle_read(context ctx, text *kind, text *id, text *desired,
                                         exports_honey_plugin_lifecycle_option_state_t *ret, fault *err) {
    bool well = read(ctx, id, desired, ret, err);
    honey_plugin_operation_context_drop_borrow(ctx);
    return well;
}

bool exports_honey_plugin_lifecycle_apply(context ctx, exports_honey_plugin_lifecycle_apply_request_t *request,
                                          exports_honey_plugin_lifecycle_outcome_t *ret, fault *err) {
    bool well = apply(ctx, request, ret, err);
    honey_plugin_operation_context_drop_borrow(ctx);
    return well;
}
