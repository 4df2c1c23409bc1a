#include "rules_impl.h"
int rules_check(const struct rules *set, FILE *out){(void)set;(void)out;return 0;}
