/*
 * test_finding_json.c - the public format, read back by another library
 */
#include <jansson.h>

#include "core/finding_json.h"
#include "world.h"

static struct world w;
static char *text;
static size_t length;

static int setup(void **state)
{
	(void)state;
	world_start(&w);
	length = 0;
	text = malloc(1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(text);
	world_end(&w);
	return 0;
}

static void put(void *context, const char *bytes, size_t count)
{
	(void)context;
	text = realloc(text, length + count + 1);
	memcpy(text + length, bytes, count);
	length += count;
	text[length] = '\0';
}

static const struct dlw_writer writer = { put, NULL };

static json_t *written(void)
{
	json_error_t error;
	json_t *json;

	world_judge(&w);
	assert_int_equal(w.found.count, 1);
	length = 0;
	dlw_finding_write_json(&w.state, &w.found.all[0], &writer);
	assert_int_equal(strlen(text), length);
	assert_int_equal(text[length - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + length - 1); /* one line */
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		print_error("%s: %s\n", error.text, text);
	assert_non_null(json);
	return json;
}

/* a (no name) and "b" cross a mutex and a named semaphore; "c" joins a. */
static void make_finding(void)
{
	static const char *const args[] = { "app", "-v" };
	uint32_t a = world_thread(&w, ""), b = world_thread(&w, "b"), c = world_thread(&w, "c");
	uint32_t m = world_mutex(&w), s = world_semaphore(&w, 1, DLW_LOCK_LIKE);

	w.processes[0].args = args;
	w.processes[0].arg_count = 2;
	w.resources[m].address = WORLD_BASE + 0x4040;
	w.resources[m].init_stack = world_stack(&w, 0x7000);
	w.resources[s].name = "/pool";
	w.resources[s].traits = DLW_TRAIT_SHARED;
	world_hold(&w, a, m, DLW_EXCLUSIVE);
	world_hold(&w, b, s, DLW_PERMIT);
	world_wait(&w, a, s, DLW_PERMIT)->stack.depth = 0;
	world_wait(&w, b, m, DLW_EXCLUSIVE);
	world_wait(&w, c, world_end_of(&w, DLW_THREAD, b), DLW_EXIT)->flags = 0;
}

/* All of it but the fingerprint, which is a hash, and sentences. */
static const char all_keys[] =
	"{\"schema\":\"dlwatch-finding/1\",\"kind\":\"deadlock\",\"verdict\":\"likely\","
	"\"program\":{\"pid\":100,\"exe\":\"/bin/app\",\"args\":[\"app\",\"-v\"]},"
	"\"core\":["
	"{\"pid\":100,\"tid\":101,\"name\":\"\",\"process\":\"/bin/app\",\"wants\":"
	"{\"resource\":\"S1\",\"mode\":\"permit\",\"since_ns\":90000000000,"
	"\"timed\":false,\"site\":null,\"stack\":[]},\"holds\":[{\"resource\":\"M2\","
	"\"mode\":\"exclusive\",\"count\":1,\"since_ns\":80000000000,"
	"\"site\":{\"address\":\"0x401010\",\"module\":\"/bin/app\",\"offset\":\"0x2010\","
	"\"function\":null,\"file\":null,\"line\":null},"
	"\"stack\":[{\"address\":\"0x401010\",\"module\":\"/bin/app\","
	"\"offset\":\"0x2010\",\"function\":null,\"file\":null,\"line\":null}]}]},"
	"{\"pid\":100,\"tid\":102,\"name\":\"b\",\"process\":\"/bin/app\",\"wants\":"
	"{\"resource\":\"M2\",\"mode\":\"exclusive\",\"since_ns\":90000000000,"
	"\"timed\":false,"
	"\"site\":{\"address\":\"0x401040\",\"module\":\"/bin/app\",\"offset\":\"0x2040\","
	"\"function\":null,\"file\":null,\"line\":null},"
	"\"stack\":[{\"address\":\"0x401040\",\"module\":\"/bin/app\","
	"\"offset\":\"0x2040\",\"function\":null,\"file\":null,\"line\":null}]},"
	"\"holds\":[{\"resource\":\"S1\",\"mode\":\"permit\",\"count\":1,"
	"\"since_ns\":80000000001,"
	"\"site\":{\"address\":\"0x401020\",\"module\":\"/bin/app\",\"offset\":\"0x2020\","
	"\"function\":null,\"file\":null,\"line\":null},"
	"\"stack\":[{\"address\":\"0x401020\",\"module\":\"/bin/app\","
	"\"offset\":\"0x2020\",\"function\":null,\"file\":null,\"line\":null}]}]}],"
	"\"stuck\":[{\"pid\":100,\"tid\":103,\"name\":\"c\",\"process\":\"/bin/app\","
	"\"wants\":{\"resource\":\"T3\",\"mode\":\"exit\",\"since_ns\":90000000000,"
	"\"timed\":false,"
	"\"site\":{\"address\":\"0x401050\",\"module\":\"/bin/app\",\"offset\":\"0x2050\","
	"\"function\":null,\"file\":null,\"line\":null},"
	"\"stack\":[{\"address\":\"0x401050\",\"module\":\"/bin/app\","
	"\"offset\":\"0x2050\",\"function\":null,\"file\":null,\"line\":null}]},"
	"\"holds\":[]}],"
	"\"resources\":["
	"{\"id\":\"S1\",\"kind\":\"semaphore\",\"type\":\"unnamed\",\"name\":\"/pool\","
	"\"address\":\"0x10040\",\"shared\":true,\"init_site\":null,\"module\":\"\","
	"\"offset\":\"0x0\"},"
	"{\"id\":\"M2\",\"kind\":\"mutex\",\"type\":\"normal\",\"name\":\"\","
	"\"address\":\"0x404040\",\"shared\":false,\"init_site\":{\"address\":\"0x406000\","
	"\"module\":\"/bin/app\",\"offset\":\"0x7000\",\"function\":null,\"file\":null,"
	"\"line\":null},\"module\":\"/bin/app\",\"offset\":\"0x5040\"},"
	"{\"id\":\"T3\",\"kind\":\"thread\",\"type\":\"unknown\",\"name\":\"b (tid 102)\","
	"\"address\":\"0x0\",\"shared\":false,\"init_site\":null,\"module\":\"\","
	"\"offset\":\"0x0\"}],"
	"\"suppression\":\"deadlock:app+0x2040\","
	"\"now_ns\":100000000000,"
	"\"modules\":[{\"path\":\"/bin/app\",\"build_id\":\"0123abcd\"}]}";

static void every_key_of_the_format_is_there(void **state)
{
	json_t *json, *expected;
	json_error_t error;

	(void)state;
	make_finding();
	json = written();
	expected = json_loads(all_keys, 0, &error);
	assert_non_null(expected);
	json_object_set(expected, "fingerprint", json_object_get(json, "fingerprint"));
	json_object_set(expected, "coffman", json_object_get(json, "coffman"));
	json_object_set(expected, "advice", json_object_get(json, "advice"));
	if (!json_equal(json, expected))
		print_error("%s\n", text);
	assert_true(json_equal(json, expected));
	assert_int_equal(json_object_size(json_object_get(json, "coffman")), 4);
	assert_string_equal(json_string_value(json_object_get(json, "fingerprint")),
			    w.found.all[0].fingerprint);
	json_decref(json);
	json_decref(expected);
}

/* What jansson reads back from the first core thread's name. */
static void expect_name(const char *given, const char *read)
{
	json_t *json, *name;

	w.threads[0].name = given;
	json = written();
	name = json_object_get(json_array_get(json_object_get(json, "core"), 0), "name");
	assert_string_equal(json_string_value(name), read);
	json_decref(json);
}

static void names_may_be_any_bytes(void **state)
{
	char every[256];
	int i;

	(void)state;
	make_finding();
	expect_name("plain", "plain");
	expect_name("quote\" back\\slash\n\t\r\x01\x7f", "quote\" back\\slash\n\t\r\x01\x7f");
	expect_name("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		    "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	expect_name("\xff", "\xef\xbf\xbd");
	expect_name("cut\xc3", "cut\xef\xbf\xbd");
	expect_name("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"); /* overlong */
	expect_name("\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_name("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
	expect_name("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_name("\xf0\x9f\x98x", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
	expect_name(NULL, "");
	for (i = 1; i < 256; i++)
		every[i - 1] = (char)i;
	every[255] = '\0';
	w.threads[0].name = every;
	w.processes[0].exe = every;
	json_decref(written());
}

static void an_address_outside_all_modules_is_its_own_offset(void **state)
{
	static const uint64_t frame = 0xdeadbeef000;
	json_t *json, *site;

	(void)state;
	make_finding();
	w.threads[1].want.stack = (struct dlw_stack){ &frame, 1 };
	json = written();
	site = json_object_get(
		json_object_get(json_array_get(json_object_get(json, "core"), 1), "wants"), "site");
	assert_string_equal(json_string_value(json_object_get(site, "module")), "");
	assert_string_equal(json_string_value(json_object_get(site, "offset")), "0xdeadbeef000");
	assert_string_equal(json_string_value(json_object_get(json, "suppression")),
			    "deadlock:0xdeadbeef000");
	json_decref(json);
}

static void polling_and_timed_waits_are_marked(void **state)
{
	json_t *json, *want;

	(void)state;
	make_finding();
	w.threads[1].want.flags = DLW_WANT_POLLING;
	json = written();
	want = json_object_get(json_array_get(json_object_get(json, "core"), 1), "wants");
	assert_true(json_is_true(json_object_get(want, "timed")));
	json_decref(json);
}

static void modules_are_found_by_their_bounds(void **state)
{
	static const struct dlw_module nested[] = {
		{ 0x1000, 0x9000, 0x1000, "/outer", NULL },
		{ 0x3000, 0x4000, 0x3000, "/inner", NULL },
		{ 0xa000, 0xb000, 0xa000, "/last", NULL },
	};
	struct dlw_process_state process = { .modules = nested, .module_count = 3 };

	(void)state;
	assert_null(dlw_module_at(&process, 0xfff));
	assert_ptr_equal(dlw_module_at(&process, 0x1000), &nested[0]);
	assert_ptr_equal(dlw_module_at(&process, 0x3fff), &nested[1]);
	assert_ptr_equal(dlw_module_at(&process, 0x4000), &nested[0]);
	assert_null(dlw_module_at(&process, 0x9000));
	assert_ptr_equal(dlw_module_at(&process, 0xafff), &nested[2]);
	assert_null(dlw_module_at(&process, 0xb000));
	process.module_count = 0;
	assert_null(dlw_module_at(&process, 0x1000));
}

static void the_plain_report_says_it_in_the_order_of_the_full_one(void **state)
{
	static const char *const parts[] = {
		"dlwatch: deadlock (likely): 2 threads wait for ever\n",
		"thread 101 -> S1 (semaphore /pool) -> 'b' (tid 102)",
		"waits for 10.000 s for S1",
		"holds M2 (mutex at 0x404040) exclusive, taken at\n",
		"#0 /bin/app+0x2010\n",
		"stuck behind them:\n  'c' (tid 103)",
		"mutual exclusion holds: ",
		"hold and wait holds: ",
		"no preemption holds: ",
		"circular wait holds: ",
		"advice: ",
		"suppress with: deadlock:app+0x2040",
		"fingerprint: ",
	};
	const char *at;
	size_t i;

	(void)state;
	make_finding();
	json_decref(written());
	length = 0;
	dlw_finding_write_text(&w.state, &w.found.all[0], &writer);
	for (at = text, i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!strstr(at, parts[i]))
			print_error("no \"%s\" in:\n%s\n", parts[i], at);
		at = strstr(at, parts[i]);
		assert_non_null(at);
	}
	w.threads[0].name = "evil\033[2J";
	length = 0;
	dlw_finding_write_text(&w.state, &w.found.all[0], &writer);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "evil?[2J"));
}

#define cmocka_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_test(every_key_of_the_format_is_there),
		cmocka_test(names_may_be_any_bytes),
		cmocka_test(an_address_outside_all_modules_is_its_own_offset),
		cmocka_test(polling_and_timed_waits_are_marked),
		cmocka_test(modules_are_found_by_their_bounds),
		cmocka_test(the_plain_report_says_it_in_the_order_of_the_full_one),
	};

	return cmocka_run_group_tests_name("finding_json", tests, NULL, NULL);
}
