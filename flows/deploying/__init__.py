"""What `counterpoise deploy` puts on a Prefect server, each part so that doing it twice changes nothing."""
