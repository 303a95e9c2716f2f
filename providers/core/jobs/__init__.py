"""Work that takes time: queues, durable jobs, what became of them."""
