"""One job on two engines, Tillstream's runtime and Quix Streams, over the same broker."""
