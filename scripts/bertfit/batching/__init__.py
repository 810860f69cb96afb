"""The examples of each batch, their packing, division over ranks and transfer to a device."""
