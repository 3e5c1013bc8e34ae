#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/list.h"

static void test_first_in_first_out(void **state)
{
    (void)state;
    struct belay_list head, nodes[3] = {{NULL, NULL}};
    belay_list_init(&head);
    assert_true(belay_list_is_empty(&head));
    assert_null(belay_list_first(&head));
    for (int i = 0; i < 3; i++) {
        assert_false(belay_list_is_linked(&nodes[i]));
        belay_list_append(&head, &nodes[i]);
        assert_true(belay_list_is_linked(&nodes[i]));
    }
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(belay_list_first(&head), &nodes[i]);
        belay_list_remove(&nodes[i]);
        assert_false(belay_list_is_linked(&nodes[i]));
    }
    assert_true(belay_list_is_empty(&head));
}

static void test_remove_from_the_middle_and_twice(void **state)
{
    (void)state;
    struct belay_list head, a = {NULL, NULL}, b = {NULL, NULL}, c = {NULL, NULL};
    belay_list_init(&head);
    belay_list_append(&head, &a);
    belay_list_append(&head, &b);
    belay_list_append(&head, &c);
    belay_list_remove(&b);
    belay_list_remove(&b);
    assert_ptr_equal(a.next, &c);
    assert_ptr_equal(c.prev, &a);
    belay_list_append(&head, &b);
    assert_ptr_equal(head.prev, &b);
    assert_ptr_equal(c.next, &b);
    assert_ptr_equal(b.next, &head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_remove_from_the_middle_and_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
