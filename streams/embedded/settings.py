"""Options of RocksDB: bounded memory, and a write-ahead log that never hides damage."""

from __future__ import annotations

from typing import Any

from rocksdict import BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Options

KB, MB = 1 << 10, 1 << 20
_LOG_CACHE_MB = 16
_caches: dict[tuple[str, int], Any] = {}


def _cache(purpose: str, megabytes: int) -> Any:
    """Return the one block cache of this purpose, or scans of the log would evict the state."""
    if (purpose, megabytes) not in _caches:
        _caches[purpose, megabytes] = Cache(megabytes * MB)
    return _caches[purpose, megabytes]


def _family_options(
    cache: Any, *, memtable_mb: int, bloom: bool, merged: int = 4, block_kb: int = 4
) -> Any:
    """
    Return the options of one family.

    Args:
        merged: flushed files that are merged into the level below at a time; writes are
            slowed down when three times as many wait.
        block_kb: what is compressed and read at a time.
    """
    options = Options(raw_mode=True)
    options.set_level_zero_file_num_compaction_trigger(merged)
    options.set_level_zero_slowdown_writes_trigger(3 * merged)
    options.set_level_zero_stop_writes_trigger(4 * merged)
    options.set_write_buffer_size(memtable_mb * MB)
    options.set_max_write_buffer_number(3)
    options.set_compression_type(DBCompressionType.lz4())
    blocks = BlockBasedOptions()
    blocks.set_block_cache(cache)
    blocks.set_block_size(block_kb * KB)
    blocks.set_cache_index_and_filter_blocks(True)
    blocks.set_format_version(5)
    if bloom:
        blocks.set_bloom_filter(10, False)
    options.set_block_based_table_factory(blocks)
    return options


def family_options(cache_mb: int) -> dict[str, Any]:
    """Return the options of each column family; `cache_mb` is shared by state and index."""
    log, state = _cache("log", _LOG_CACHE_MB), _cache("state", cache_mb)
    return {
        "default": _family_options(log, memtable_mb=2, bloom=False),
        # A flushed file has records of every partition, so merging it rewrites the whole of
        # the next level: few large merges cost less than many small ones. A look-up of a row
        # asks every unmerged file, so state gets fewer of them. Records are read in sequence,
        # so the log has large blocks, which compress better (docs/benchmarks.md).
        "log": _family_options(log, memtable_mb=32, bloom=False, merged=24, block_kb=32),
        "state": _family_options(state, memtable_mb=32, bloom=True, merged=8),
        "index": _family_options(state, memtable_mb=8, bloom=True),
    }


def database_options() -> Any:
    """Return the options of the database as a whole."""
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_max_open_files(256)
    options.set_keep_log_file_num(2)
    options.set_max_background_jobs(2)
    # Rarely written families would pin old write-ahead logs; also bounds the replay of a crash.
    options.set_max_total_wal_size(128 * MB)
    # The default takes damage in the middle of the write-ahead log for its end and drops, in
    # silence, everything acknowledged behind it.
    options.set_wal_recovery_mode(DBRecoveryMode.tolerate_corrupted_tail_records())
    return options
