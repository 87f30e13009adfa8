"""What all services share: contracts and plumbing, no business."""
