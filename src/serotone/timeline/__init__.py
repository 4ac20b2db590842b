"""Who felt what, when: windows, segments, speakers, and how they are written."""
