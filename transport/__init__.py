"""What carries gRPC, for clients and peers alike: the native transport as an event loop sees it; grpc.aio's servers."""
