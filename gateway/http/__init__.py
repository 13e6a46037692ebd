"""The HTTP door: requests to deliveries, receipts and refusals to answers. Nothing else here decides anything."""
