"""From the guest's files to what lies in RAM when the first hart starts."""
