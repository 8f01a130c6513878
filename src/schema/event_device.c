/* A User-Agent is a pile of compatibility claims, so the order of the rows decides: consoles and
 * televisions claim to be desktops or phones, tablets claim to be phones. */
#include "schema/event.h"

static const char *const names[DEVICE_COUNT] = {
    [DEVICE_NONE] = "none", [DEVICE_DESKTOP] = "desktop", [DEVICE_MOBILE] = "mobile", [DEVICE_TABLET] = "tablet",
    [DEVICE_TV] = "tv",     [DEVICE_CONSOLE] = "console", [DEVICE_OTHER] = "other",
};

struct sign {
    uint8_t device;
    const char *text;
    const char *without; /* and not this */
};

static const struct sign signs[] = {
    {DEVICE_CONSOLE, "Xbox", NULL},
    {DEVICE_CONSOLE, "PlayStation", NULL},
    {DEVICE_CONSOLE, "PLAYSTATION", NULL},
    {DEVICE_CONSOLE, "Nintendo", NULL},
    {DEVICE_TV, "SmartTV", NULL},
    {DEVICE_TV, "SMART-TV", NULL},
    {DEVICE_TV, "Smart TV", NULL},
    {DEVICE_TV, "HbbTV", NULL},
    {DEVICE_TV, "AppleTV", NULL},
    {DEVICE_TV, "Apple TV", NULL},
    {DEVICE_TV, "GoogleTV", NULL},
    {DEVICE_TV, "Android TV", NULL},
    {DEVICE_TV, "CrKey", NULL},
    {DEVICE_TV, "Roku", NULL},
    {DEVICE_TV, "BRAVIA", NULL},
    {DEVICE_TV, "NetCast", NULL},
    {DEVICE_TV, "Web0S", NULL},
    {DEVICE_TV, "AFTT", NULL},
    {DEVICE_TV, "AFTS", NULL},
    {DEVICE_TV, "AFTB", NULL},
    {DEVICE_TABLET, "iPad", NULL},
    {DEVICE_TABLET, "Tablet", "Tablet PC"},
    {DEVICE_TABLET, "Kindle", NULL},
    {DEVICE_TABLET, "Silk/", "Mobile"},
    {DEVICE_TABLET, "Android", "Mobile"},
    {DEVICE_MOBILE, "Mobi", NULL},
    {DEVICE_MOBILE, "iPhone", NULL},
    {DEVICE_MOBILE, "iPod", NULL},
    {DEVICE_MOBILE, "Android", NULL},
    {DEVICE_MOBILE, "Windows Phone", NULL},
    {DEVICE_DESKTOP, "Windows NT", NULL},
    {DEVICE_DESKTOP, "Macintosh", NULL},
    {DEVICE_DESKTOP, "CrOS", NULL},
    {DEVICE_DESKTOP, "X11", NULL},
};

static bool holds(struct slice text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

uint8_t event_device_of(struct slice user_agent)
{
    /* Longer ones are cut: the header is the client's to fill. */
    const uint32_t size_max = 512;
    if (user_agent.size == 0)
        return DEVICE_NONE;
    if (user_agent.size > size_max)
        user_agent.size = size_max;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (holds(user_agent, signs[i].text) && (signs[i].without == NULL || !holds(user_agent, signs[i].without)))
            return signs[i].device;
    return DEVICE_OTHER;
}

const char *event_device_name(uint8_t device)
{
    ASSERT(device < DEVICE_COUNT);
    return names[device];
}

uint8_t event_device_find(struct slice name)
{
    for (uint8_t i = DEVICE_DESKTOP; i < DEVICE_COUNT; i++)
        if (slice_is(name, names[i]))
            return i;
    return DEVICE_COUNT;
}
