"""How a gateway tells about itself: metrics, health, and what a log line may say of a fault."""
