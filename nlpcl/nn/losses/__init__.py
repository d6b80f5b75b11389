"""Loss functions without state, computed in fp32."""
