import multiprocessing
import threading
import time

import pytest

from crepr.images._pool import n_threads, run_all


def test_anchor_results_in_order():
    def slow_first(i):
        time.sleep(0.02 * (i == 0))
        return i * i

    assert run_all(slow_first, range(20)) == [i * i for i in range(20)]
    assert run_all(slow_first, []) == []
    assert 1 <= n_threads() <= 8


def test_one_item_needs_no_thread():
    assert run_all(lambda _: threading.current_thread(), ["a"]) == [threading.current_thread()]


def test_error_is_raised():
    def fail(i):
        if i == 3:
            raise OSError("chunk 3")
        return i

    with pytest.raises(OSError, match="chunk 3"):
        run_all(fail, range(6))


def _in_child(results):
    results.put(run_all(abs, [-1, -2, -3]))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_process_has_threads_of_its_own():
    run_all(abs, [1, 2])  # the parent's threads do not follow
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    child = context.Process(target=_in_child, args=(results,))
    child.start()
    child.join(20)
    alive = child.is_alive()
    child.kill()
    assert not alive
    assert results.get() == [1, 2, 3]
