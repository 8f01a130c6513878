#include "base/status.h"


#define STATUS_RETRY_yes true
#define STATUS_RETRY_no false

static const struct status_row rows[STATUS_COUNT] = {
#define STATUS(name, code, http, retry, text, fix) [STATUS_##name] = {#name, code, http, STATUS_RETRY_##retry, text, fix},
#include "base/status.def"
#undef STATUS
};

const struct status_row *status_row(enum status status)
{
    ASSERT((unsigned)status < STATUS_COUNT);
    return &rows[status];
}
