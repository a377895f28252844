"""What holds for stages on the embedded log holds on Kafka, word for word."""

import pytest

from tests.streams.test_lanes import (  # noqa: F401 - the same sentences, on another log
    test_a_bug_stops_the_lane_and_a_repaired_step_goes_on_exactly,
    test_a_handler_is_tried_again_until_it_answers,
    test_a_handler_that_waits_holds_up_neither_other_stages_nor_the_end,
    test_a_job_may_take_smaller_chunks,
    test_a_lane_that_hangs_ends_the_process,
    test_a_slow_stage_reads_for_itself_what_it_missed_on_a_shared_topic,
    test_a_stage_that_is_stuck_does_not_hold_up_another_one_on_the_same_topic,
    test_outputs_may_go_to_another_lane,
    test_poison_and_refused_records_go_to_the_rejected_topic_and_nothing_else,
    test_sales_become_totals_and_duplicates_count_once,
    test_stopping_in_the_middle_leaves_nothing_half_done,
    test_tools_open_the_log_without_stages,
    test_values_that_a_step_refuses_itself_are_not_limited,
)

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("kafka")]
