"""Promises that are no numbers, each with the tests that enforce it: `file::function`, below tests/."""

from __future__ import annotations

_GOLDEN, _LIVE, _RUN = "e2e/test_pair_golden_law.py", "e2e/test_pair_live.py", "e2e/test_cli_run.py"
_DIVERGENCE, _INPUT = "e2e/test_pair_divergence.py", "e2e/test_bad_input.py"

TESTED: dict[str, tuple[str, ...]] = {
    "Under the virtual clock, a protected guest ends with the icount, digest and console of a solo run": (
        f"{_GOLDEN}::test_protected_is_as_solo",
    ),
    "so it does when hosts are killed at any time, over shared memory and TCP, in bursts, from the first moment on": (
        f"{_GOLDEN}::test_crashes_at_random_change_nothing",
        f"{_GOLDEN}::test_many_crashes_in_one_run",
        f"{_GOLDEN}::test_bursts_of_kills_lose_the_guest_or_change_nothing",
        f"{_GOLDEN}::test_crash_as_early_as_can_be",
    ),
    "so does Linux, unmodified": ("e2e/test_pair_linux.py::test_the_same_run_with_and_without_failures",),
    "so does a guest that skips its fences, cloned and slowed at random": (
        "e2e/test_sloppy.py::test_cloned_and_slowed_at_random_it_ends_as_solo",
    ),
    "A trace, replayed, ends with the icount, digest and console of the recorded run": (
        "e2e/test_trace.py::test_a_replay_is_the_same_run",
        "e2e/test_trace.py::test_live_input_is_replayed",
        "e2e/test_trace.py::test_linux_loses_its_primary_and_is_replayed",
        "unit/host/test_replay.py::test_from_a_checkpoint_it_is_the_same_machine",
    ),
    "One run is one trace, with every entry once and in order, whichever hosts die": (
        "unit/monitor/test_recorder.py::test_every_entry_is_recorded_once_and_in_order_whoever_dies",
    ),
    "A trace that breaks off anywhere is good up to its last whole frame": (
        "e2e/test_trace.py::test_a_trace_cut_anywhere_is_replayed_as_far_as_it_goes",
        "unit/log/trace/test_reader.py::test_cut_at_any_byte_it_has_exactly_the_frames_that_are_whole",
        "unit/host/test_replay.py::test_cut_behind_any_frame_it_is_replayed_to_there",
    ),
    "Any flipped byte of a trace is noticed; what is no trace, or another version's or guest's, is refused": (
        "unit/log/trace/test_reader.py::test_any_byte_that_is_flipped_is_noticed",
        "unit/log/trace/test_reader.py::test_what_is_no_trace_is_refused",
        "unit/host/test_replay.py::test_another_version_is_refused",
        "unit/host/test_replay.py::test_a_trace_with_hashes_needs_the_guest",
    ),
    "A replay that comes to something else is a divergence": (
        "unit/host/test_replay.py::test_a_machine_that_differs_is_found",
        "unit/host/test_replay_run.py::test_an_end_that_differs_is_a_divergence",
    ),
    "A script can stop a machine anywhere and change nothing by it": (
        "property/test_library_stops.py::test_random_programs",
    ),
    "Two runs under the virtual clock are equal, with several harts too": (
        f"{_RUN}::test_two_runs_under_the_virtual_clock_are_equal",
        f"{_RUN}::test_harts_and_interrupts_are_deterministic_too",
        "e2e/test_cli_linux.py::test_linux_on_four_harts_is_deterministic",
    ),
    "What a guest prints comes out once and in order, across any number of failovers": (
        f"{_LIVE}::test_output_is_complete_and_in_order_while_hosts_die",
        "e2e/test_pair_linux.py::test_what_it_says_comes_once",
    ),
    "What is typed arrives once and in order, across any number of failovers": (
        f"{_LIVE}::test_lines_come_back_once_and_in_order_while_hosts_die",
    ),
    "A primary that was paused and replaced writes nothing to the world": (
        f"{_LIVE}::test_stopped_primary_is_replaced_and_writes_nothing_more",
    ),
    "A secondary that was left behind never wins": (
        f"{_LIVE}::test_secondary_that_was_left_behind_never_wins",
        "unit/monitor/test_arbiter.py::test_a_secondary_that_its_primary_left_behind_never_wins",
    ),
    "Of two claims to one generation one wins": (
        "unit/monitor/test_arbiter.py::test_of_two_processes_one_wins",
    ),
    "More than 200 real SIGKILLs and SIGSTOPs change nothing": (
        "e2e/test_faults_random.py::test_bundled_guests",
        "e2e/test_faults_random.py::test_linux",
    ),
    "Flipped bits on the TCP channel change nothing": (
        "e2e/test_faults_channel.py::test_flipped_bits_change_nothing",
    ),
    "A producer killed at any moment leaves a whole prefix of the log": (
        "e2e/test_ring_processes.py::test_a_producer_killed_at_any_moment_leaves_a_whole_prefix",
    ),
    "Whatever is killed, no process and no shared memory stays behind": (
        f"{_LIVE}::test_killed_monitor_takes_all_with_it",
        f"{_LIVE}::test_many_failovers_leave_no_descriptors_and_no_processes",
    ),
    "icount is exact: against single steps, and against QEMU": (
        "property/test_exact_stops.py::test_every_single_stop",
        "e2e/test_qemu_counts.py::test_random_program",
        "e2e/test_qemu_counts.py::test_every_program_counter",
    ),
    "Stopping anywhere changes nothing": (
        "property/test_exact_stops.py::test_stops_change_nothing",
        "property/test_exact_stops.py::test_stops_change_nothing_on_several_harts",
    ),
    "A snapshot, restored into a new machine, runs on bit-identically": (
        "property/test_snapshots.py::test_random_programs",
        "property/test_snapshots.py::test_bundled_guests",
    ),
    "A difference between the two machines is never silent": (
        f"{_DIVERGENCE}::test_stop_says_what_differs_and_where",
        f"{_DIVERGENCE}::test_without_checks_the_end_tells",
        f"{_DIVERGENCE}::test_reclone_goes_on_as_if_nothing_had_been",
    ),
    "lockstep verify names the first instruction that differs": (
        "e2e/test_verify.py::test_the_injected_instruction_is_named_exactly",
    ),
    "Every injected bit flip is detected or made no difference": (
        "property/test_checks.py::test_a_bit_of_any_register_is_found_or_makes_no_difference",
        "property/test_checks.py::test_a_bit_of_ram_is_found_or_makes_no_difference",
        "e2e/test_verify.py::test_a_campaign_finds_everything_and_says_so",
    ),
    "Without any one of the protocol's rules the simulator finds a counterexample": (
        "unit/sim/test_broken.py::test_without_it_there_is_a_counterexample",
    ),
    "A failing seed of the simulator fails again, event by event": (
        "unit/sim/test_run.py::test_a_failing_seed_fails_again_event_by_event",
    ),
    "Unmodified Linux and U-Boot run": (
        "e2e/test_cli_linux.py::test_linux_runs_a_command_and_powers_off",
        "e2e/test_cli_linux.py::test_uboot_reaches_its_prompt",
    ),
    "A guest that can't be run: one line, exit status 126": (
        f"{_INPUT}::test_unfit_guest",
        f"{_INPUT}::test_kernel_larger_than_memory",
        "property/test_loader_fuzz.py::test_any_file_is_a_guest_or_is_refused",
    ),
    "Random bytes that run as a guest never crash lockstep and never run past --timeout": (
        f"{_INPUT}::test_random_bytes_run_as_a_guest",
        f"{_RUN}::test_storm_ends_at_its_timeout",
    ),
    "Errors of use: one line, exit status 2": ("e2e/test_cli.py::test_usage_errors_are_one_line",),
    "No host left: one line, exit status 121": (f"{_GOLDEN}::test_both_hosts_killed_says_so_in_one_line",),
    "Only its owner can give a running pair orders": (
        "unit/monitor/test_control.py::test_only_the_owner_may_enter",
        "unit/monitor/test_control.py::test_a_directory_that_others_may_enter_is_not_used",
    ),
    "A full disk costs the journal, not the run": (
        "e2e/test_control.py::test_a_full_disk_costs_the_journal_not_the_run",
    ),
    "Nothing that a guest prints leaves its pane of the live view": (
        "unit/ui/view/test_frame.py::test_hostile_output_stays_in_its_pane",
    ),
    "lockstep --help imports nothing heavy": ("e2e/test_cli.py::test_help_imports_nothing_heavy",),
    "A terminal is left as it was found": ("e2e/test_cli_input.py::test_terminal_is_raw_and_restored",),
}
