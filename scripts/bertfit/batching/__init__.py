"""Which examples make up a batch, and how it is packed, divided over ranks and copied to a device."""
