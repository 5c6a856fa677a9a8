//! A world on loopback to rehearse in: vendors, boxes, Kubernetes.
